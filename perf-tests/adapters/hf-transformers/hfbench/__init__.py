"""An engine behind the harness: Transformers' continuous batching with the command line of trtllm-bench.

Nothing but `engine` imports torch and transformers, and that only once a benchmark begins.
"""
