"""Drives a server with NVIDIA's tritonclient over HTTP, synchronous and asyncio: what its own examples do.

Usage: triton_client.py HOST:PORT
The server serves `fashion` (input [-1,784] FP32 -> logits [-1,10]) and `identity` (in_X [-1,3] -> out_X for
FP32, INT64, FP16, BF16, BOOL and BYTES), is called `triton`, and allows model control. Its `sums` keeps a sequence's
sum of `x` [1,3], scaled by `gain`.
"""

import asyncio
import sys

import ml_dtypes
import numpy as np
import tritonclient.http as http
import tritonclient.http.aio as aio
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

URL = sys.argv[1]
PIXELS = (np.arange(2 * 784, dtype=np.float32).reshape(2, 784) % 251) / 250


def tensor(name, values, binary, module=http):
    given = module.InferInput(name, list(values.shape), np_to_triton_dtype(values.dtype))
    given.set_data_from_numpy(values, binary_data=binary)
    return given


def check_metadata(client):
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("fashion")
    server = client.get_server_metadata()
    assert server["name"] == "triton", server
    assert "binary_tensor_data" in server["extensions"], server
    model = client.get_model_metadata("fashion")
    assert model["inputs"] == [{"name": "input", "datatype": "FP32", "shape": [-1, 784]}], model
    config = client.get_model_config("fashion", headers={"test": "1"})
    assert config["max_batch_size"] > 0 and config["input"][0]["dims"] == [784], config
    try:
        client.get_model_metadata("wrong_model_name")
        raise AssertionError("an unknown model was described")
    except InferenceServerException as error:
        assert "Request for unknown model" in error.message(), error


def check_inference(client):
    answers = []
    for binary_in in (True, False):
        for binary_out in (True, False):
            wanted = [http.InferRequestedOutput("logits", binary_data=binary_out)]
            result = client.infer("fashion", [tensor("input", PIXELS, binary_in)], outputs=wanted, request_id="7")
            assert result.get_response()["id"] == "7"
            answers.append(result.as_numpy("logits"))
    assert answers[0].shape == (2, 10) and answers[0].dtype == np.float32
    assert all(np.array_equal(answers[0], other) for other in answers[1:])
    for coding in ("gzip", "deflate"):
        result = client.infer(
            "fashion",
            [tensor("input", PIXELS, True)],
            request_compression_algorithm=coding,
            response_compression_algorithm=coding,
        )
        assert np.array_equal(result.as_numpy("logits"), answers[0])
    # Without outputs the client asks for all of them in binary.
    assert np.array_equal(client.infer("fashion", [tensor("input", PIXELS, True)]).as_numpy("logits"), answers[0])
    top = client.infer(
        "fashion",
        [tensor("input", PIXELS, True)],
        outputs=[http.InferRequestedOutput("logits", class_count=3)],
    ).as_numpy("logits")
    assert top.shape == (2, 3)
    for row, logits in zip(top, answers[0]):
        assert [int(text.decode().split(":")[1]) for text in row] == list(np.argsort(-logits, kind="stable")[:3])
    handles = [client.async_infer("fashion", [tensor("input", PIXELS, True)]) for _ in range(8)]
    assert all(np.array_equal(handle.get_result().as_numpy("logits"), answers[0]) for handle in handles)
    return answers[0]


def check_datatypes(client):
    rows = {
        "in_fp32": np.array([[0.5, -0.0, np.inf]], dtype=np.float32),
        "in_int64": np.array([[-(2**53) + 1, 0, 2**53 - 1]], dtype=np.int64),
        "in_fp16": np.array([[0.5, -2, 65504]], dtype=np.float16),
        "in_bf16": np.array([[0.5, -0.0, np.inf]], dtype=ml_dtypes.bfloat16),
        "in_bool": np.array([[True, False, True]]),
        "in_bytes": np.array([["", "naïve", "a\nb"]], dtype=np.object_),
    }
    for binary in (True, False):
        # The client writes neither FP16, BF16 nor infinities as JSON.
        inputs = [tensor(name, row, binary or name in ("in_fp16", "in_bf16", "in_fp32")) for name, row in rows.items()]
        result = client.infer("identity", inputs)
        for name, row in rows.items():
            answer = result.as_numpy(name.replace("in_", "out_"))
            if name == "in_bytes":
                assert [text.decode() for text in answer[0]] == list(row[0]), answer
            else:
                assert answer.tobytes() == row.tobytes(), (name, answer)


def check_refusals(client):
    try:
        client.infer("fashion", [tensor("input", PIXELS[:, :783], True)])
        raise AssertionError("a wrong shape was taken")
    except InferenceServerException as error:
        assert "784" in error.message(), error
    try:
        client.infer("fashion", [tensor("input", PIXELS, True)], sequence_id=5, sequence_start=True)
        raise AssertionError("a sequence was taken")
    except InferenceServerException as error:
        assert "sequence_id" in error.message(), error
    # One microsecond is too short for anything.
    try:
        client.infer("fashion", [tensor("input", PIXELS, True)], timeout=1)
        raise AssertionError("the deadline was not kept")
    except InferenceServerException as error:
        assert error.status() in ("408", "429"), error
    assert client.infer("fashion", [tensor("input", PIXELS, True)], timeout=60_000_000, priority=1) is not None


def check_sequences(client):
    def add(values, sequence, start=False, end=False):
        inputs = [tensor("x", np.array([values], dtype=np.float32), True)]
        inputs.append(tensor("gain", np.array(2, dtype=np.float32), True))
        result = client.infer("sums", inputs, sequence_id=sequence, sequence_start=start, sequence_end=end)
        assert [each["name"] for each in result.get_response()["outputs"]] == ["y"]
        return result.as_numpy("y")[0].tolist()

    assert "sequence" in client.get_server_metadata()["extensions"]
    assert client.get_model_config("sums")["sequence_batching"]["state"][0]["input_name"] == "sum"
    for sequence in (5, 2**53 - 1, "microphone"):
        assert add([1, 2, 3], sequence, start=True) == [2, 4, 6]
    assert add([1, 1, 1], 5) == [4, 6, 8]
    assert add([0, 0, 1], "microphone", end=True) == [2, 4, 8]
    assert add([1, 1, 1], 5, end=True) == [6, 8, 10]
    for sequence in (5, "microphone", 6):
        try:
            add([1, 1, 1], sequence)
            raise AssertionError("a sequence went on that there is not")
        except InferenceServerException as error:
            assert "start" in error.message() and error.status() == "400", error


def check_statistics(client):
    stats = client.get_inference_statistics("fashion")["model_stats"][0]
    assert stats["inference_count"] >= 2 and stats["execution_count"] >= 1
    assert stats["inference_stats"]["success"]["count"] >= 1 and stats["inference_stats"]["success"]["ns"] > 0
    assert stats["inference_stats"]["cache_hit"] == {"count": 0, "ns": 0}
    assert stats["batch_stats"][0]["batch_size"] == 2
    assert len(client.get_inference_statistics()["model_stats"]) == 3


def check_model_control(client, expected):
    names = {each["name"]: each["state"] for each in client.get_model_repository_index()}
    assert names == {"fashion": "READY", "identity": "READY", "sums": "READY"}, names
    client.unload_model("fashion")
    assert not client.is_model_ready("fashion")
    names = {each["name"]: each["state"] for each in client.get_model_repository_index()}
    assert names == {"fashion": "UNAVAILABLE", "identity": "READY", "sums": "READY"}, names
    client.load_model("fashion")
    assert client.is_model_ready("fashion")
    assert np.array_equal(client.infer("fashion", [tensor("input", PIXELS, True)]).as_numpy("logits"), expected)
    try:
        client.load_model("wrong_model_name")
        raise AssertionError("an unknown model was loaded")
    except InferenceServerException as error:
        assert "unknown model" in error.message(), error


async def check_asyncio(expected):
    async with aio.InferenceServerClient(URL) as client:
        assert await client.is_server_ready()
        asked = [client.infer("fashion", [tensor("input", PIXELS, True, aio)]) for _ in range(8)]
        for result in await asyncio.gather(*asked):
            assert np.array_equal(result.as_numpy("logits"), expected)


def main():
    client = http.InferenceServerClient(URL, concurrency=8)
    check_metadata(client)
    expected = check_inference(client)
    check_datatypes(client)
    check_refusals(client)
    check_sequences(client)
    check_statistics(client)
    check_model_control(client, expected)
    asyncio.run(check_asyncio(expected))
    print("tritonclient: every check held")


main()
