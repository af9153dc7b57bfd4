//! Names of GPUs: as results record them, as `--test-prefix` spells them.

/// The product name that results record: the driver's name without the vendor's.
///
/// Two spellings are evened out as upstream does it: Jetson boards are lower-case with `-`, and the name that
/// old drivers gave the 80 GB PCIe A100 becomes the newer one.
pub fn product_name(driver_name: &str) -> String {
    let name = driver_name.replace("NVIDIA", "").trim().to_owned();
    if name.to_lowercase().contains("jetson") {
        name.to_lowercase().replace(' ', "-")
    } else if name == "A100-PCIE-80GB" {
        "A100 80GB PCIe".to_owned()
    } else {
        name
    }
}

/// The product name as one word, e.g. `H100_80GB_HBM3`: the device subtype of a result.
pub fn device_subtype(driver_name: &str) -> String {
    product_name(driver_name).replace([' ', '-'], "_")
}

/// The `--test-prefix` that fits a GPU of this name, e.g. `H100_80GB_HBM3`.
pub fn expected_prefix(driver_name: &str) -> String {
    product_name(driver_name).replace(' ', "_")
}

/// Words that begin a CI stage's name behind the platform, as in `H100_PCIe-PyTorch-Perf-1`.
const STAGE_WORDS: [&str; 9] =
    ["autodeploy", "cpp", "fmha", "perf", "pytorch", "ray", "tensorrt", "triton", "verl"];

/// Whether results under `prefix` are those of a GPU of this name.
///
/// Understood are the name in both spellings in use, `H100_80GB_HBM3` and `NVIDIA_H100_80GB_HBM3`, and its
/// beginning (`H100`, `DGX_B200`), each also with a stage name behind it (`H100_PCIe-PyTorch-1`). Case, and
/// whether words are joined by `_` or `-`, do not matter.
pub fn prefix_matches(prefix: &str, driver_name: &str) -> bool {
    let is_stage = |part: &&str| {
        let part = part.to_lowercase();
        STAGE_WORDS.contains(&part.as_str()) || part.ends_with("_gpus")
    };
    let platform: Vec<_> = prefix.split('-').take_while(|part| !is_stage(part)).collect();
    let platform = words(&platform.join("-"));
    !platform.is_empty() && words(driver_name).starts_with(&platform)
}

/// The words of a GPU's name that tell it from others.
fn words(text: &str) -> Vec<String> {
    let words = text.split([' ', '_', '-']).map(str::to_lowercase);
    words.filter(|word| !word.is_empty() && word != "nvidia" && word != "dgx").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_name_loses_the_vendor_and_evens_out_two_spellings() {
        for (driver, product, subtype) in [
            ("NVIDIA H100 80GB HBM3", "H100 80GB HBM3", "H100_80GB_HBM3"),
            ("NVIDIA H20-3e", "H20-3e", "H20_3e"),
            ("A100-PCIE-80GB", "A100 80GB PCIe", "A100_80GB_PCIe"),
            ("NVIDIA Jetson AGX Orin", "jetson-agx-orin", "jetson_agx_orin"),
            ("NVIDIA B200", "B200", "B200"),
        ] {
            assert_eq!(product_name(driver), product);
            assert_eq!(device_subtype(driver), subtype);
        }
        assert_eq!(expected_prefix("NVIDIA H100 80GB HBM3"), "H100_80GB_HBM3");
        assert_eq!(expected_prefix("NVIDIA H20-3e"), "H20-3e");
    }

    #[test]
    fn a_prefix_fits_its_gpu_in_each_spelling_in_use() {
        for (prefix, gpu) in [
            ("H100_80GB_HBM3", "NVIDIA H100 80GB HBM3"),
            ("NVIDIA_H100_80GB_HBM3", "NVIDIA H100 80GB HBM3"),
            ("NVIDIA_H100_80GB_HBM3", "H100 80GB HBM3"),
            ("H100", "NVIDIA H100 PCIe"),
            ("H100_PCIe-PyTorch-Perf-1", "NVIDIA H100 PCIe"),
            ("H20-3e", "NVIDIA H20-3e"),
            ("H100-PyTorch-1", "NVIDIA H100 80GB HBM3"),
            ("DGX_B200-4_GPUs-PyTorch-1", "NVIDIA B200"),
            (
                "RTX_PRO_6000_Blackwell_Server_Edition",
                "NVIDIA RTX PRO 6000 Blackwell Server Edition",
            ),
        ] {
            assert!(prefix_matches(prefix, gpu), "{prefix} and {gpu}");
        }
    }

    #[test]
    fn a_prefix_of_another_gpu_or_variant_does_not_fit() {
        for (prefix, gpu) in [
            ("H100_PCIe", "NVIDIA H100 80GB HBM3"),
            ("H200", "NVIDIA H100 80GB HBM3"),
            ("H20", "NVIDIA H200"),
            ("B200", "NVIDIA GB200"),
            ("H20-3e", "NVIDIA H20"),
            ("L40S", "NVIDIA L40"),
            ("", "NVIDIA L40"),
            ("NVIDIA", "NVIDIA L40"),
        ] {
            assert!(!prefix_matches(prefix, gpu), "{prefix} and {gpu}");
        }
    }
}
