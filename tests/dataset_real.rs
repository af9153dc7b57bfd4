//! `trtllm-perf dataset real`: data sets of real text. Most of it needs the feature `real-datasets`:
//! `cargo test --features real-datasets --test dataset_real`.

use std::path::Path;
use std::process::{Command, Output};

fn dataset(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trtllm-perf"));
    command
        .current_dir(folder)
        .args(["dataset", "--tokenizer", "tokenizer"])
        .args(arguments)
        .output()
        .expect("start")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[cfg(not(feature = "real-datasets"))]
#[test]
fn a_build_without_the_feature_says_how_to_get_it() {
    let folder = tempfile::tempdir().expect("folder");
    let words = [
        "real",
        "--dataset-name",
        "x",
        "--dataset-split",
        "train",
        "--dataset-input-key",
        "a",
        "--dataset-prompt",
        "p",
    ];
    let output = dataset(folder.path(), &words);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--features real-datasets"), "{}", stderr(&output));
}

#[cfg(feature = "real-datasets")]
mod with {
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use parquet::data_type::{ByteArray, ByteArrayType};
    use parquet::file::properties::WriterProperties;
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;
    use tempfile::TempDir;

    use super::{Output, dataset, stderr};

    /// Words with ids that the tests can count by hand; `<s>` (0) is put before every text.
    const TOKENIZER: &str = r#"{
        "version": "1.0", "truncation": null, "padding": null,
        "added_tokens": [{"id": 0, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false,
                          "normalized": false, "special": true}],
        "normalizer": null, "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": {"type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}}},
        "decoder": null,
        "model": {"type": "WordLevel", "unk_token": "?",
                  "vocab": {"<s>": 0, "?": 1, "say": 2, "one": 3, "two": 4, "three": 5, "four": 6}}
    }"#;

    const RECORDS: [(&str, &str); 3] =
        [("one two", "three"), ("one two three four", "one two three"), ("four", "two one")];

    /// A folder with the tokenizer.
    fn place() -> TempDir {
        let folder = tempfile::tempdir().expect("folder");
        fs::create_dir(folder.path().join("tokenizer")).expect("folder");
        fs::write(folder.path().join("tokenizer/tokenizer.json"), TOKENIZER).expect("tokenizer");
        let config = r#"{"tokenizer_class": "LlamaTokenizer", "eos_token": "<s>"}"#;
        fs::write(folder.path().join("tokenizer/tokenizer_config.json"), config).expect("config");
        folder
    }

    fn write(folder: &TempDir, name: &str, text: &str) {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
        fs::write(path, text).expect(name);
    }

    fn json_lines() -> String {
        RECORDS
            .map(|(question, answer)| format!("{{\"q\": \"{question}\", \"a\": \"{answer}\"}}\n"))
            .concat()
    }

    /// `real` over `data`, with the records' own keys.
    fn real(folder: &TempDir, before: &[&str], after: &[&str]) -> Output {
        let fixed = [
            "real",
            "--dataset-name",
            "data",
            "--dataset-split",
            "train",
            "--dataset-input-key",
            "q",
            "--dataset-prompt",
            "say",
        ];
        dataset(folder.path(), &[before, &fixed, after].concat())
    }

    fn lines(output: &Output) -> String {
        assert_eq!(output.status.code(), Some(0), "{}", stderr(output));
        String::from_utf8(output.stdout.clone()).expect("UTF-8")
    }

    /// By hand: `<s> say one two`, answer `<s> three`; and so on.
    const EXPECTED: &str = "{\"task_id\":0,\"input_ids\":[0,2,3,4],\"output_tokens\":2}\n\
                            {\"task_id\":1,\"input_ids\":[0,2,3,4,5,6],\"output_tokens\":4}\n\
                            {\"task_id\":2,\"input_ids\":[0,2,6],\"output_tokens\":3}\n";

    fn parquet_file(path: &Path) {
        let schema =
            parse_message_type("message m { required binary q (UTF8); required binary a (UTF8); }")
                .expect("schema");
        fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
        let file = fs::File::create(path).expect("file");
        let properties = Arc::new(WriterProperties::builder().build());
        let mut writer =
            SerializedFileWriter::new(file, Arc::new(schema), properties).expect("writer");
        let mut group = writer.next_row_group().expect("group");
        let columns = [RECORDS.map(|(question, _)| question), RECORDS.map(|(_, answer)| answer)];
        for texts in columns {
            let mut column = group.next_column().expect("column").expect("a column");
            let values = texts.map(ByteArray::from);
            column.typed::<ByteArrayType>().write_batch(&values, None, None).expect("values");
            column.close().expect("column");
        }
        group.close().expect("group");
        writer.close().expect("file");
    }

    #[test]
    fn json_lines_a_json_array_and_parquet_give_the_same_requests() {
        let array = format!("  [{}]", json_lines().trim_end().replace('\n', ","));
        for (name, text) in [
            ("data/train.jsonl", Some(json_lines())),
            ("data/train.json", Some(array)),
            ("data/data/train-00000-of-00001.parquet", None),
        ] {
            let folder = place();
            match text {
                Some(text) => write(&folder, name, &text),
                None => parquet_file(&folder.path().join(name)),
            }
            let output = real(&folder, &["--stdout"], &["--dataset-output-key", "a"]);
            assert_eq!(lines(&output), EXPECTED, "{name}");
        }
    }

    #[test]
    fn the_document_states_class_counts_and_task_ids() {
        let folder = place();
        write(&folder, "data/train.jsonl", &json_lines());
        let output = real(
            &folder,
            &["--output", "out/set.json", "--task-id", "7"],
            &["--dataset-output-key", "a", "--num-requests", "1"],
        );
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let text = fs::read_to_string(folder.path().join("out/set.json")).expect("document");
        assert_eq!(
            text,
            "{\"metadata\": {\"workload_type\": \"dataset\", \"tokenizer\": \"LlamaTokenizerFast\", \"num_requests\": 1, \
             \"max_input_len\": 4, \"max_output_len\": 2, \"workload_name\": \
             \"workload_type:dataset__num_requests:1__max_input_len:4__max_output_len:2\"}, \"samples\": [{\"input_len\": 4, \
             \"input_ids\": [0, 2, 3, 4], \"output_len\": 2, \"task_id\": 7}]}"
        );
    }

    #[test]
    fn a_tokenizer_without_a_configuration_has_the_general_class_and_a_broken_one_is_located() {
        let folder = place();
        write(&folder, "data/train.jsonl", &json_lines());
        let config = folder.path().join("tokenizer/tokenizer_config.json");
        fs::remove_file(&config).expect("removed");
        let run = || real(&folder, &["--output", "set.json"], &["--dataset-output-key", "a"]);
        assert_eq!(run().status.code(), Some(0));
        let text = fs::read_to_string(folder.path().join("set.json")).expect("document");
        assert!(text.contains("\"tokenizer\": \"PreTrainedTokenizerFast\""), "{text}");
        fs::write(&config, "{\n\"tokenizer_class\": 3}").expect("written");
        let error = stderr(&run());
        assert!(error.contains("tokenizer/tokenizer_config.json:2:20: invalid type"), "{error}");
    }

    #[test]
    fn long_inputs_are_skipped_and_a_split_that_is_too_small_is_said() {
        let folder = place();
        write(&folder, "data/train.jsonl", &json_lines());
        let output = real(
            &folder,
            &["--stdout"],
            &["--dataset-output-key", "a", "--max-input-len", "4", "--num-requests", "5"],
        );
        assert_eq!(lines(&output).lines().count(), 2);
        assert!(
            stderr(&output).contains("1 inputs are longer than --max-input-len"),
            "{}",
            stderr(&output)
        );
        assert!(
            stderr(&output).contains("2 requests, though --num-requests asks for 5"),
            "{}",
            stderr(&output)
        );
    }

    #[test]
    fn drawn_output_lengths_are_those_of_the_synthetic_data_set_of_the_same_seed() {
        let folder = place();
        write(&folder, "data/train.jsonl", &json_lines());
        let drawn = lines(&real(
            &folder,
            &["--stdout", "--random-seed", "11"],
            &["--output-len-dist", "20,5"],
        ));
        let words = [
            "--stdout",
            "--random-seed",
            "11",
            "token-norm-dist",
            "--num-requests",
            "3",
            "--input-mean",
            "1",
            "--input-stdev",
            "0",
            "--output-mean",
            "20",
            "--output-stdev",
            "5",
        ];
        let synthetic = lines(&dataset(folder.path(), &words));
        let outputs = |text: &str| -> Vec<String> {
            text.lines().map(|line| line.rsplit(':').next().expect("a number").to_owned()).collect()
        };
        assert_eq!(outputs(&drawn), outputs(&synthetic));
    }

    #[test]
    fn files_of_a_split_are_read_in_the_order_of_their_names_and_a_configuration_is_a_folder() {
        let folder = place();
        let line = |text: &str| format!("{{\"q\": \"{text}\", \"a\": \"one\"}}\n");
        write(&folder, "data/main/train-00001.jsonl", &line("two"));
        write(&folder, "data/main/train-00000.jsonl", &line("one"));
        write(&folder, "data/main/test.jsonl", &line("four"));
        write(&folder, "data/other/train.jsonl", &line("three"));
        let output = real(
            &folder,
            &["--stdout"],
            &["--dataset-output-key", "a", "--dataset-config-name", "main"],
        );
        let text = lines(&output);
        assert!(text.contains("[0,2,3]") && text.contains("[0,2,4]"), "{text}");
        assert!(text.find("[0,2,3]") < text.find("[0,2,4]"), "{text}");
        assert_eq!(text.lines().count(), 2);
    }

    #[test]
    fn a_split_is_known_by_a_word_of_its_names_and_shards_go_first() {
        let line = |text: &str| format!("{{\"q\": \"{text}\", \"a\": \"one\"}}\n");
        let cases: [(&[(&str, &str)], &str); 4] = [
            (&[("data/my_train_v1.jsonl", "two"), ("data/squad-dev.jsonl", "four")], "[0,2,4]"),
            (
                &[
                    ("data/unnamed.jsonl", "three"),
                    ("data/.hidden.jsonl", "four"),
                    ("data/__x/a.jsonl", "four"),
                ],
                "[0,2,5]",
            ),
            (&[("data/training/0.jsonl", "one"), ("data/test/0.jsonl", "four")], "[0,2,3]"),
            (
                &[("data/train-00000-of-00001.jsonl", "two"), ("data/train.jsonl", "four")],
                "[0,2,4]",
            ),
        ];
        for (files, expected) in cases {
            let folder = place();
            files.iter().for_each(|(name, text)| write(&folder, name, &line(text)));
            let text = lines(&real(&folder, &["--stdout"], &["--dataset-output-key", "a"]));
            assert_eq!(text.lines().count(), 1, "{files:?}: {text}");
            assert!(text.contains(expected), "{files:?}: {text}");
        }
    }

    #[test]
    fn every_fault_is_said_with_its_place() {
        let good = json_lines();
        let cases: [(&str, &str, &[&str], &str); 9] = [
            (
                "data/train.jsonl",
                &good,
                &["--output-len-dist", "1,0", "--max-input-len", "1"],
                "no record was accepted",
            ),
            (
                "data/train.jsonl",
                &good,
                &[],
                "give --output-len-dist MEAN,STDEV, or --dataset-output-key",
            ),
            (
                "data/test.jsonl",
                &good,
                &["--dataset-output-key", "a"],
                "find the split `train` below data: there is test.jsonl",
            ),
            (
                "data/train.jsonl",
                "{\"q\": \"one\"}\n{\"x\": 1}\n",
                &["--output-len-dist", "1,0"],
                "data/train.jsonl:2: no key `q` for --dataset-input-key; the record has x",
            ),
            (
                "data/train.jsonl",
                "{\"q\": \"one\"}\n\n{\"q\": 5}\n",
                &["--output-len-dist", "1,0"],
                "data/train.jsonl:3: `q` (--dataset-input-key) is no text",
            ),
            (
                "data/train.jsonl",
                "{\"q\": \"one\"}\n{\"q\": \"tw",
                &["--output-len-dist", "1,0"],
                "data/train.jsonl:2: EOF while parsing",
            ),
            (
                "data/train.jsonl",
                "{\"q\": \"one\", \"image\": \"a.jpg\"}\n",
                &["--output-len-dist", "1,0"],
                "data/train.jsonl:1: the record has images or video (`image`)",
            ),
            (
                "data/train.parquet",
                "not parquet",
                &["--output-len-dist", "1,0"],
                "data/train.parquet:1: ",
            ),
            (
                "elsewhere/train.jsonl",
                &good,
                &["--output-len-dist", "1,0"],
                "nothing is downloaded",
            ),
        ];
        for (name, text, arguments, said) in cases {
            let folder = place();
            write(&folder, name, text);
            let output = real(&folder, &["--stdout"], arguments);
            assert_eq!(output.status.code(), Some(2), "{name}");
            assert!(stderr(&output).contains(said), "{said}\n{}", stderr(&output));
        }
    }

    #[test]
    fn upstreams_names_of_the_sub_command_are_understood() {
        let folder = place();
        write(&folder, "data.jsonl", &json_lines());
        let file: PathBuf = folder.path().join("data.jsonl");
        for name in ["dataset", "real-dataset"] {
            let words = [
                "--stdout",
                name,
                "--dataset-name",
                file.to_str().expect("UTF-8"),
                "--dataset-split",
                "any",
                "--dataset-input-key",
                "q",
                "--dataset-prompt-key",
                "a",
                "--output-len-dist",
                "3,0",
            ];
            let text = lines(&dataset(folder.path(), &words));
            assert!(
                text.starts_with("{\"task_id\":0,\"input_ids\":[0,5,3,4],\"output_tokens\":3}"),
                "{text}"
            );
        }
    }
}
