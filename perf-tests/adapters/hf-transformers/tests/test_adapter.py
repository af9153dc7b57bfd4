"""Everything of the adapter that needs neither torch nor transformers.

    python3 -m unittest discover -s perf-tests/adapters/hf-transformers/tests
"""

import contextlib
import io
import json
import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from hfbench import commands, dataset, drive, figures, main, options, report  # noqa: E402
from hfbench.click import parse  # noqa: E402
from hfbench.commands import GROUP, THROUGHPUT  # noqa: E402
from hfbench.dataset import Request  # noqa: E402
from hfbench.errors import BenchError, UsageError  # noqa: E402


def run(*words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command line."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main.main(words)
    return code, out.getvalue(), err.getvalue()


def settings(*words: str) -> commands.Settings:
    """The settings of a throughput command on this file as the data set."""
    group = parse(GROUP, ["--model=m", "throughput"])
    return commands.settings(group, parse(THROUGHPUT, [f"--dataset={__file__}", *words]))


class CommandLine(unittest.TestCase):
    def test_no_test_here_needs_torch(self) -> None:
        self.assertNotIn("torch", sys.modules)

    def test_the_first_line_tells_the_engine_and_is_never_tensorrt_llms(self) -> None:
        for words in ([], ["--help"], ["--version"], ["--nonsense"], ["-m", "x", "throughput", "--help"]):
            first = run(*words)[1].splitlines()[0]
            self.assertTrue(first.startswith("[hf-transformers] Transformers version: "), words)
            self.assertNotIn("TensorRT", first)

    def test_what_click_refuses_is_refused_in_its_words_with_exit_code_2(self) -> None:
        for words, message in (
            (["throughput"], "Missing option '--model' / '-m'."),
            (["-m", "x"], "Missing command."),
            (["-m", "x", "build"], "No such command 'build'."),
            (["-m", "x", "throughput", "--concur=1"], "No such option: --concur (Possible options: --concurrency, --config)"),
            (["-m", "x", "throughput", "--dataset=/no/such"], "Invalid value for '--dataset': Path '/no/such' does not exist."),
            (["-m", "x", "throughput", "--concurrency=a"], "Invalid value for '--concurrency': 'a' is not a valid integer."),
            (["-m", "x", "throughput", "--report_json=/"], "Invalid value for '--report_json': File '/' is a directory."),
            (["-m", "x", "throughput", "--streaming=1"], "Option '--streaming' does not take a value."),
            (["-m", "x", "throughput", "--dataset"], "Option '--dataset' requires an argument."),
            (["-m", "x", "throughput", "a", "b"], "Got unexpected extra arguments (a b)"),
            (["-m", "x", "throughput"], "Missing option '--dataset'."),
        ):
            code, _, err = run(*words)
            self.assertEqual(code, 2, words)
            self.assertTrue(err.startswith("Usage: trtllm-bench"), err)
            self.assertTrue(err.endswith(f"\nError: {message}\n"), err)

    def test_what_cannot_be_honoured_is_refused_and_named(self) -> None:
        for word in (
            "--backend=tensorrt",
            "--beam_width=2",
            "--tp=2",
            "--ep=4",
            "--eos_id=2",
            "--no_skip_tokenizer_init",
            "--iteration_log=/tmp/i",
            "--output_json=/tmp/o",
            "--modality=image",
            "--target_input_len=5",
            "--disable_chunked_context",
            "--scheduler_policy=max_utilization",
            "--kv_cache_free_gpu_mem_fraction=1.5",
            "--max_batch_size=0",
            "--warmup=-1",
        ):
            name = "--enable_chunked_context" if "chunked" in word else word.split("=")[0]
            with self.assertRaisesRegex(UsageError, f"Invalid value for '{name}'", msg=word):
                settings(word)

    def test_the_options_that_plans_use_are_honoured(self) -> None:
        told = settings(
            "--backend=pytorch", "--max_batch_size=512", "--max_num_tokens=2048", "--num_requests=32", "--concurrency=8",
            "--kv_cache_free_gpu_mem_fraction=0.9", "--streaming", "--warmup=2", "--config=x.yml", "--report_json=/tmp/r.json",
        )  # fmt: skip
        self.assertEqual((told.max_batch_size, told.concurrency, told.options_file), (512, 8, "x.yml"))
        self.assertTrue(told.streaming)
        self.assertEqual(told.model_dir, "m")


class OptionsFile(unittest.TestCase):
    def merge(self, **file: object) -> options.EngineOptions:
        return options.merge(file, "o.yml", 512, 2048, None, 0.9)

    def test_the_file_wins_over_the_command_line_per_top_level_key(self) -> None:
        told = self.merge(max_batch_size=8, kv_cache_config={"enable_block_reuse": True}, cuda_graph_config={"enable_padding": True})
        self.assertEqual((told.max_batch_size, told.max_num_tokens), (8, 2048))
        self.assertTrue(told.block_reuse and told.cuda_graphs)
        self.assertIsNone(told.kv_fraction, "the section replaces that of the command line, as in the real tool")
        self.assertEqual(self.merge().kv_fraction, 0.9)

    def test_what_is_unknown_or_cannot_be_honoured_is_refused_and_named(self) -> None:
        for file, name in (
            ({"print_iter_log": True}, "print_iter_log"),
            ({"moe_config": {}}, "moe_config"),
            ({"kv_cache_config": {"dtype": "fp8"}}, "kv_cache_config.dtype"),
            ({"kv_cache_config": {"max_tokens": True}}, "kv_cache_config.max_tokens"),
            ({"cuda_graph_config": {"batch_sizes": [1]}}, "cuda_graph_config.batch_sizes"),
            ({"cuda_graph_config": {"enable_padding": False}}, "cuda_graph_config.enable_padding"),
            ({"max_num_tokens": 0}, "max_num_tokens"),
        ):
            with self.assertRaisesRegex(BenchError, f"o.yml: .*{name}"):
                self.merge(**file)


class DataSet(unittest.TestCase):
    def read(self, *lines: str, limit: int = 0, longest: int | None = None) -> list[Request]:
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
            file.write("".join(f"{line}\n" for line in lines))
            file.flush()
            return dataset.read(file.name, limit, 100, longest)

    def test_the_first_requests_are_taken(self) -> None:
        line = '{"task_id":0,"input_ids":[1,2,99],"output_tokens":5}'
        self.assertEqual(self.read(line, line, "no JSON", limit=2), [Request([1, 2, 99], 5)] * 2)

    def test_a_line_that_is_no_request_is_named(self) -> None:
        good = '{"input_ids":[1],"output_tokens":5}'
        for line in (
            "",
            "[]",
            '{"input_ids":[100],"output_tokens":5}',
            '{"input_ids":[],"output_tokens":5}',
            '{"prompt":"x","output_tokens":5}',
            '{"input_ids":[1],"output_tokens":0}',
            '{"input_ids":[1],"output_tokens":5,"lora_request":{}}',
        ):
            with self.assertRaisesRegex(BenchError, r"\.jsonl:2: ", msg=line):
                self.read(good, line)
        with self.assertRaisesRegex(BenchError, "holds 1 requests, fewer than"):
            self.read(good, limit=2)
        with self.assertRaisesRegex(BenchError, "more than --max_seq_len=5"):
            self.read(good, longest=5)


class FakeEngine:
    """Finishes what it was given last, and notes how much it had at a time."""

    def __init__(self, lose: int = 0, stamps: int = 0) -> None:
        self.held: list[tuple[int, Request]] = []
        self.most = 0
        self.lose, self.stamps = lose, stamps

    def submit(self, id: int, request: Request, streaming: bool) -> None:
        self.held.append((id, request))
        self.most = max(self.most, len(self.held))

    def wait(self) -> drive.Finished:
        id, request = self.held.pop()
        now = drive.time.perf_counter_ns()
        tokens = [7] * (request.output_tokens - self.lose)
        return drive.Finished(id, tokens, [now + each for each in range(request.output_tokens - self.stamps)])


class Driving(unittest.TestCase):
    requests = [Request([1] * (3 + n), 2 + n) for n in range(9)]

    def test_no_more_requests_are_in_flight_than_allowed_and_all_are_served_once(self) -> None:
        for limit, most in ((1, 1), (4, 4), (-1, 9), (0, 9), (20, 9)):
            engine = FakeEngine()
            served = drive.serve(engine, self.requests, limit, streaming=True)
            self.assertEqual(engine.most, most)
            self.assertEqual(sorted(each.id for each in served), list(range(9)))
            for each in served:
                self.assertEqual(each.input_tokens, 3 + each.id)
                self.assertEqual(len(each.tokens), 2 + each.id)
                self.assertLessEqual(each.start, each.first)
                self.assertEqual(each.end - each.first, len(each.tokens) - 1)

    def test_without_streaming_there_is_no_first_token(self) -> None:
        self.assertEqual({each.first for each in drive.serve(FakeEngine(), self.requests, 2, False)}, {None})

    def test_a_request_cut_short_or_begun_anew_is_no_measurement(self) -> None:
        with self.assertRaisesRegex(BenchError, "request 0 got 1 tokens, not the 2"):
            drive.serve(FakeEngine(lose=1), self.requests, 1, True)
        with self.assertRaisesRegex(BenchError, "request 0 was evicted"):
            drive.serve(FakeEngine(stamps=1), self.requests, 1, True)


def recorded(streaming: bool) -> dict[str, object]:
    """The report of the recorded times beside this file."""
    times = json.loads((HERE / "recorded-times.json").read_text())
    served = [
        figures.Completion(
            row["id"], row["input_tokens"], row["start"], row["first"] if streaming else None, row["end"], [5] * row["tokens"]
        )
        for row in times
    ]
    requests = [Request([1] * row["input_tokens"], row["tokens"]) for row in times]
    world = {
        "tp_size": 1, "pp_size": 1, "ep_size": None, "world_size": 1, "max_batch_size": 512, "max_num_tokens": 2048,
        "scheduling_policy": "GUARANTEED_NO_EVICT", "kv_cache_percentage": 0.9, "issue_rate": figures.issue_rate(served),
    }  # fmt: skip
    told = settings("--streaming") if streaming else settings()
    machine = {"name": "NVIDIA H100 80GB HBM3", "memory.total": 79.18, "clocks.mem": 2.619}
    return main.assemble(told, "5.17.0", machine, world, served, figures.dataset_details(requests, "d.jsonl"))


class Report(unittest.TestCase):
    def test_figures_are_those_worked_out_by_hand(self) -> None:
        content = recorded(streaming=True)
        performance, streaming = content["performance"], content["streaming_metrics"]
        # Four requests of 10, 20, 30 and 40 ms latency, in pairs: 60 ms from the first start to the last end.
        self.assertAlmostEqual(performance["total_latency_ms"], 60.0)
        self.assertAlmostEqual(performance["avg_request_latency_ms"], 25.0)
        self.assertAlmostEqual(performance["request_throughput_req_s"], 4 / 0.060)
        self.assertAlmostEqual(performance["output_throughput_per_gpu_tok_s"], 20 / 0.060)
        self.assertAlmostEqual(performance["system_total_throughput_tok_s"], 60 / 0.060)
        self.assertAlmostEqual(streaming["avg_ttft_ms"], 2.0)
        # (latency - 2 ms) over four further tokens: 2, 4.5, 7 and 9.5 ms.
        self.assertAlmostEqual(streaming["avg_tpot_ms"], 5.75)
        self.assertEqual(streaming["tpot_percentiles"]["p50"], 7.0)
        self.assertAlmostEqual(content["request_info"]["avg_num_concurrent_requests"], 25 * 4 / 60)
        self.assertEqual(content["engine"]["backend"], "hf-transformers")

    def test_only_a_streaming_report_has_times_of_tokens(self) -> None:
        content = recorded(streaming=False)
        self.assertNotIn("streaming_metrics", content)
        self.assertNotIn("TTFT", report.report_text(content))
        self.assertIn("[TTFT] AVERAGE: 2.0000", report.report_text(recorded(streaming=True)))

    def test_sums_are_compensated_whatever_the_interpreter(self) -> None:
        self.assertEqual(figures.compensated_sum([1.0, 1e100, 1.0, -1e100]), 2.0)


if __name__ == "__main__":
    unittest.main()
