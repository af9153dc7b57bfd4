//! Which of the host's GPUs this process may use.

use super::Gpu;

/// The GPUs that are this process's to give to steps, in the order in which it was given them: those of
/// `CUDA_VISIBLE_DEVICES`, else those of the Slurm step, else all.
///
/// Numbers count in PCI order, as the driver's library does; CUDA agrees where all GPUs are of one kind. As in CUDA,
/// the first entry that names no GPU ends the list.
///
/// # Errors
/// When a MIG instance is named: results of a part of a GPU are not comparable with those of a whole one.
pub fn visible(gpus: &[Gpu], cuda: Option<&str>, slurm: Option<&str>) -> Result<Vec<Gpu>, String> {
    // Slurm numbers the GPUs of the node, and a step that is confined sees its own alone, counted from 0.
    let slurm = slurm.filter(|list| list.split(',').count() < gpus.len());
    let Some(list) = cuda.or(slurm) else { return Ok(gpus.to_vec()) };
    let mut found: Vec<Gpu> = Vec::new();
    for word in list.split(',').map(str::trim) {
        if word.starts_with("MIG-") {
            return Err(format!(
                "CUDA_VISIBLE_DEVICES names the MIG instance {word}; only whole GPUs can be measured"
            ));
        }
        let named = match word.parse::<u32>() {
            Ok(index) => gpus.iter().find(|gpu| gpu.index == index),
            Err(_) => by_uuid(gpus, word),
        };
        match named {
            Some(gpu) if !found.contains(gpu) => found.push(gpu.clone()),
            _ => break,
        }
    }
    Ok(found)
}

/// The only GPU whose UUID begins so.
fn by_uuid<'a>(gpus: &'a [Gpu], beginning: &str) -> Option<&'a Gpu> {
    let begins = |gpu: &&Gpu| gpu.uuid.as_deref().is_some_and(|uuid| uuid.starts_with(beginning));
    let mut named = gpus.iter().filter(begins);
    match (named.next(), named.next()) {
        (Some(gpu), None) if beginning.starts_with("GPU-") => Some(gpu),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpus() -> Vec<Gpu> {
        let gpu =
            |index| Gpu { index, uuid: Some(format!("GPU-{index}abc-0000")), ..Gpu::default() };
        (0..4).map(gpu).collect()
    }

    fn indices(cuda: Option<&str>, slurm: Option<&str>) -> Vec<u32> {
        let visible = visible(&gpus(), cuda, slurm).expect("whole GPUs");
        visible.iter().map(|gpu| gpu.index).collect()
    }

    #[test]
    fn all_are_visible_unless_something_says_otherwise() {
        assert_eq!(indices(None, None), [0, 1, 2, 3]);
        assert_eq!(indices(Some("2,0"), None), [2, 0]);
        assert_eq!(indices(Some("GPU-1abc, 3"), None), [1, 3]);
        assert_eq!(indices(Some(""), None), [0; 0]);
    }

    #[test]
    fn the_first_entry_that_names_no_gpu_ends_the_list() {
        assert_eq!(indices(Some("1,-1,2"), None), [1]);
        assert_eq!(indices(Some("0,9,1"), None), [0]);
        assert_eq!(indices(Some("GPU-,1"), None), [0; 0]);
        assert_eq!(indices(Some("0,0,1"), None), [0]);
        assert_eq!(indices(Some("NoDevFiles"), None), [0; 0]);
    }

    #[test]
    fn a_slurm_step_confines_where_cuda_is_not_told() {
        assert_eq!(indices(None, Some("1,2")), [1, 2]);
        assert_eq!(indices(Some("3"), Some("1,2")), [3]);
        assert_eq!(indices(None, Some("4,5,6,7")), [0, 1, 2, 3], "numbers of the node");
    }

    #[test]
    fn a_mig_instance_is_refused() {
        let refused = visible(&gpus(), Some("MIG-41f5"), None).expect_err("a part of a GPU");
        assert!(refused.contains("MIG-41f5"), "{refused}");
    }
}
