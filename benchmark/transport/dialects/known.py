"""The dialects that are known, as their services document them. The first that knows an event has it."""

from __future__ import annotations

from benchmark.transport.dialects.dialect import Dialect

OPENAI = Dialect(
    name="openai",  # chat and completions: vLLM, SGLang, llama.cpp, LiteLLM and most others
    ending="finish_reason of every choice, or [DONE]",
    marks=(frozenset({"choices"}),),
    items=("choices",),
    answer=(("delta", "content"), ("text",), ("delta", "refusal")),
    thoughts=(
        ("delta", "reasoning_content"),
        ("delta", "reasoning"),
        ("delta", "tool_calls"),
        ("delta", "function_call"),
        ("delta", "thinking"),
        ("delta", "reasoning_details"),
        ("delta", "thinking_blocks"),
        ("delta", "audio"),
    ),
    finish=(("finish_reason",),),
    sentinel=True,
    running=True,
    input=(
        ("usage", "prompt_tokens"),
        ("usage", "input_tokens"),
        ("choices", "*", "usage", "prompt_tokens"),
        ("x_groq", "usage", "prompt_tokens"),
    ),
    output=(
        ("usage", "completion_tokens"),
        ("usage", "output_tokens"),
        ("choices", "*", "usage", "completion_tokens"),
        ("x_groq", "usage", "completion_tokens"),
    ),
    cached=(
        ("usage", "prompt_tokens_details", "cached_tokens"),
        ("usage", "input_tokens_details", "cached_tokens"),
        ("usage", "prompt_cache_hit_tokens"),
        ("usage", "cached_tokens"),
    ),
)

RESPONSES = Dialect(
    name="responses",  # OpenAI's
    ending="response.completed or response.incomplete",
    kinds=("response.",),
    answer_of={"response.output_text.delta": (("delta",),), "response.refusal.delta": (("delta",),)},
    thoughts_of={
        f"response.{kind}.delta": (("delta",),)
        for kind in (
            "reasoning_text",
            "reasoning",
            "reasoning_summary_text",
            "reasoning_summary",
            "function_call_arguments",
            "mcp_call_arguments",
            "custom_tool_call_input",
            "code_interpreter_call_code",
            "audio",
            "audio.transcript",
        )
    },
    last=frozenset({"response.completed", "response.incomplete"}),
    failing=frozenset({"response.failed", "response.cancelled", "error"}),
    failure=(("response", "error", "message"), ("response", "error", "code"), ("message",), ("code",)),
    finish=(("response", "incomplete_details", "reason"),),
    finish_ends=False,
    input=(("response", "usage", "input_tokens"),),
    output=(("response", "usage", "output_tokens"),),
    cached=(("response", "usage", "input_tokens_details", "cached_tokens"),),
)

ANTHROPIC = Dialect(
    name="anthropic",  # its messages
    ending="message_stop",
    kinds=("message_start", "content_block_", "message_delta", "message_stop"),
    answer=(("delta", "text"),),
    thoughts=(("delta", "thinking"), ("delta", "partial_json")),
    last=frozenset({"message_stop"}),
    finish=(("delta", "stop_reason"),),
    finish_ends=False,
    input=(("usage", "input_tokens"), ("message", "usage", "input_tokens")),
    more_input=(
        ("usage", "cache_read_input_tokens"),
        ("message", "usage", "cache_read_input_tokens"),
        ("usage", "cache_creation_input_tokens"),
        ("message", "usage", "cache_creation_input_tokens"),
    ),
    output=(("usage", "output_tokens"), ("message", "usage", "output_tokens")),
    cached=(("usage", "cache_read_input_tokens"), ("message", "usage", "cache_read_input_tokens")),
)

COHERE = Dialect(
    name="cohere",  # v2/chat
    ending="message-end",
    kinds=("message-start", "content-", "tool-plan-delta", "tool-call-", "citation-", "message-end"),
    answer_of={"content-delta": (("delta", "message", "content", "text"),)},
    thoughts_of={
        "content-delta": (("delta", "message", "content", "thinking"),),
        "tool-plan-delta": (("delta", "message", "tool_plan"),),
        "tool-call-start": (("delta", "message", "tool_calls"),),
        "tool-call-delta": (("delta", "message", "tool_calls"),),
    },
    last=frozenset({"message-end"}),
    finish=(("delta", "finish_reason"),),
    finish_ends=False,
    input=(("delta", "usage", "tokens", "input_tokens"),),
    output=(("delta", "usage", "tokens", "output_tokens"),),
    cached=(("delta", "usage", "cached_tokens"),),
)

DASHSCOPE = Dialect(
    name="dashscope",  # Alibaba Cloud's own
    ending="a finish_reason other than null",
    marks=(frozenset({"output", "request_id"}), frozenset({"output", "usage"})),
    answer=(("output", "choices", "*", "message", "content"), ("output", "text")),
    thoughts=(
        ("output", "choices", "*", "message", "reasoning_content"),
        ("output", "choices", "*", "message", "tool_calls"),
        ("output", "thoughts"),
    ),
    finish=(("output", "choices", "*", "finish_reason"), ("output", "finish_reason")),
    input=(("usage", "input_tokens"),),
    output=(("usage", "output_tokens"),),
    cached=(("usage", "prompt_tokens_details", "cached_tokens"), ("usage", "cached_tokens")),
    cumulative=True,
)

TGI = Dialect(
    name="tgi",  # Hugging Face's generate_stream
    ending="generated_text",
    marks=(frozenset({"token", "generated_text"}), frozenset({"token", "details"})),
    answer=(("token", "text"),),
    final=(("generated_text",), ("details",)),
    finish=(("details", "finish_reason"),),
    input=(("details", "input_length"),),
    output=(("details", "generated_tokens"),),
    told_with=b'"details"',
)

OLLAMA = Dialect(
    name="ollama",  # its own, of a JSON object a line
    ending="done: true",
    marks=(frozenset({"done", "response"}), frozenset({"done", "message"}), frozenset({"done", "model"})),
    answer=(("message", "content"), ("response",)),
    thoughts=(("message", "thinking"), ("thinking",), ("message", "tool_calls")),
    final=(("done",),),
    finish=(("done_reason",),),
    finish_ends=False,
    input=(("prompt_eval_count",),),
    output=(("eval_count",),),
    told_with=b'eval_count"',
)

LLAMACPP = Dialect(
    name="llamacpp",  # llama.cpp's /completion
    ending="stop: true",
    marks=(frozenset({"content", "stop"}),),
    answer=(("content",),),
    final=(("stop",),),
    finish=(("stop_type",),),
    finish_ends=False,
    input=(("tokens_evaluated",),),
    output=(("tokens_predicted",),),
    cached=(("timings", "cache_n"),),
    told_with=b'"tokens_',
)

GEMINI = Dialect(
    name="gemini",  # Google's streamGenerateContent?alt=sse
    ending="finishReason",
    marks=(frozenset({"candidates"}), frozenset({"usageMetadata"}), frozenset({"promptFeedback"})),
    items=("candidates",),
    answer=(("content", "parts", "*", "text"),),
    thoughts=(("content", "parts", "*", "functionCall"), ("content", "parts", "*", "executableCode")),
    finish=(("finishReason",),),
    failure=(("promptFeedback", "blockReason"),),
    input=(("usageMetadata", "promptTokenCount"),),
    output=(("usageMetadata", "candidatesTokenCount"),),
    cached=(("usageMetadata", "cachedContentTokenCount"),),
    told_with=b'"usageMetadata"',
)

TRITON = Dialect(
    name="triton",  # NVIDIA's generate_stream
    ending="the end of the body",
    marks=(frozenset({"text_output"}),),
    answer=(("text_output",),),
    open_ended=True,
)

EVENTS = Dialect(
    name="events",  # any server-sent events
    ending="the end of the body",
    open_ended=True,
    any_event=True,
)

CHUNKS = Dialect(
    name="chunks",  # whatever comes in pieces
    ending="the end of the body",
    open_ended=True,
    any_event=True,
)

TOLD_APART = (
    OPENAI,
    RESPONSES,
    ANTHROPIC,
    COHERE,
    DASHSCOPE,
    TGI,
    OLLAMA,
    LLAMACPP,
    GEMINI,
    TRITON,
)  # by what their events say
DIALECTS = {dialect.name: dialect for dialect in (*TOLD_APART, EVENTS, CHUNKS)}


def dialect_of(said: dict[str, object]) -> Dialect | None:
    """Whose event this is; None: it is of none that is known."""
    return next((dialect for dialect in TOLD_APART if dialect.knows(said)), None)
