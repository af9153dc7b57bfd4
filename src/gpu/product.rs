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

/// How a board is built in: boards of one name differ by it in power, clocks and links.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormFactor {
    Sxm,
    Pcie,
    /// Two PCIe boards joined by NVLink bridges.
    Nvl,
    /// One package with its processor, as in GB200 and GH200.
    Superchip,
}

impl FormFactor {
    /// What the driver's name of a data-centre GPU says of it.
    pub fn of(driver_name: &str) -> Option<Self> {
        let words = words(driver_name);
        let has = |word: &str| words.iter().any(|it| it == word);
        if has("pcie") {
            Some(Self::Pcie)
        } else if has("nvl") {
            Some(Self::Nvl)
        } else if words.iter().any(|word| word.starts_with("gb") || word.starts_with("gh")) {
            Some(Self::Superchip)
        } else if has("hbm3") || words.iter().any(|word| word.starts_with("sxm")) {
            Some(Self::Sxm)
        } else if words.iter().any(|word| ["h200", "b200", "b300", "h20"].contains(&word.as_str()))
        {
            // Their PCIe variants say so.
            Some(Self::Sxm)
        } else {
            None
        }
    }

    /// `SXM`, `PCIe`, `NVL` or `superchip`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Sxm => "SXM",
            Self::Pcie => "PCIe",
            Self::Nvl => "NVL",
            Self::Superchip => "superchip",
        }
    }
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
    fn the_name_tells_how_a_board_is_built_in() {
        for (gpu, form) in [
            ("NVIDIA H100 80GB HBM3", Some("SXM")),
            ("NVIDIA H100 PCIe", Some("PCIe")),
            ("NVIDIA H100 NVL", Some("NVL")),
            ("NVIDIA H200 NVL", Some("NVL")),
            ("NVIDIA H200", Some("SXM")),
            ("NVIDIA A100-SXM4-80GB", Some("SXM")),
            ("NVIDIA GB200", Some("superchip")),
            ("NVIDIA GH200 480GB", Some("superchip")),
            ("NVIDIA L40S", None),
        ] {
            assert_eq!(FormFactor::of(gpu).map(FormFactor::word), form, "{gpu}");
        }
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
