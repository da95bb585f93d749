"""Drives a server with NVIDIA's tritonclient over gRPC: synchronous, with callbacks, asyncio and streams.

Usage: triton_grpc_client.py HOST:PORT
The server serves the models that triton_client.py names, is called `triton`, and allows model control.
"""

import asyncio
import queue
import sys

import ml_dtypes
import numpy as np
import tritonclient.grpc as grpc
import tritonclient.grpc.aio as aio
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

URL = sys.argv[1]
PIXELS = (np.arange(2 * 784, dtype=np.float32).reshape(2, 784) % 251) / 250


def tensor(name, values, module=grpc):
    given = module.InferInput(name, list(values.shape), np_to_triton_dtype(values.dtype))
    given.set_data_from_numpy(values)
    return given


def refusal(call):
    try:
        call()
    except InferenceServerException as error:
        return error
    raise AssertionError("nothing was refused")


def check_metadata(client):
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("fashion") and not client.is_model_ready("wrong_model_name")
    server = client.get_server_metadata()
    assert server.name == "triton" and "statistics" in server.extensions, server
    model = client.get_model_metadata("fashion")
    assert [(each.name, each.datatype, list(each.shape)) for each in model.inputs] == [("input", "FP32", [-1, 784])]
    config = client.get_model_config("fashion").config
    assert config.max_batch_size > 0 and list(config.input[0].dims) == [784], config
    assert config.input[0].data_type == 11 and config.backend == "onnxruntime", config
    assert config.version_policy.latest.num_versions == 1 and len(config.instance_group) == 2, config
    as_json = client.get_model_config("fashion", as_json=True)
    assert as_json["config"]["output"][0]["data_type"] == "TYPE_FP32", as_json
    error = refusal(lambda: client.get_model_metadata("wrong_model_name"))
    assert "Request for unknown model" in error.message() and error.status() == "StatusCode.NOT_FOUND", error


def check_inference(client):
    wanted = [grpc.InferRequestedOutput("logits")]
    result = client.infer("fashion", [tensor("input", PIXELS)], outputs=wanted, request_id="7")
    response = result.get_response()
    assert response.id == "7" and response.model_name == "fashion" and response.model_version == "1", response
    expected = result.as_numpy("logits")
    assert expected.shape == (2, 10) and expected.dtype == np.float32
    for options in (
        {"model_version": "1"},
        {"compression_algorithm": "gzip"},
        {"compression_algorithm": "deflate"},
        {"headers": {"x-sluice-route": "cpu"}},
        {"headers": {"x-sluice-route": "fpga-sim"}},
        {"client_timeout": 60.0, "timeout": 60_000_000, "priority": 1},
    ):
        again = client.infer("fashion", [tensor("input", PIXELS)], **options).as_numpy("logits")
        assert np.array_equal(again, expected), options
    top = client.infer(
        "fashion", [tensor("input", PIXELS)], outputs=[grpc.InferRequestedOutput("logits", class_count=3)]
    ).as_numpy("logits")
    assert top.shape == (2, 3)
    for row, logits in zip(top, expected):
        assert [int(text.decode().split(":")[1]) for text in row] == list(np.argsort(-logits, kind="stable")[:3])
    answers = queue.Queue()
    for _ in range(8):
        client.async_infer(
            "fashion", [tensor("input", PIXELS)], callback=lambda result, error: answers.put((result, error))
        )
    for _ in range(8):
        result, error = answers.get(timeout=60)
        assert error is None and np.array_equal(result.as_numpy("logits"), expected), error
    return expected


def check_datatypes(client):
    rows = {
        "in_fp32": np.array([[0.5, -0.0, np.inf]], dtype=np.float32),
        "in_int64": np.array([[-(2**63), 0, 2**63 - 1]], dtype=np.int64),
        "in_fp16": np.array([[0.5, -2, 65504]], dtype=np.float16),
        "in_bf16": np.array([[0.5, -0.0, np.inf]], dtype=ml_dtypes.bfloat16),
        "in_bool": np.array([[True, False, True]]),
        "in_bytes": np.array([["", "naïve", "a\nb"]], dtype=np.object_),
    }
    result = client.infer("identity", [tensor(name, row) for name, row in rows.items()])
    for name, row in rows.items():
        answer = result.as_numpy(name.replace("in_", "out_"))
        if name == "in_bytes":
            assert [text.decode() for text in answer[0]] == list(row[0]), answer
        else:
            assert answer.tobytes() == row.tobytes(), (name, answer)


def check_typed_contents(client, expected):
    """As clients of KServe send it, with the protocol's own messages."""
    from tritonclient.grpc import service_pb2

    request = service_pb2.ModelInferRequest(model_name="fashion", id="typed")
    given = request.inputs.add(name="input", datatype="FP32", shape=[2, 784])
    given.contents.fp32_contents.extend(float(value) for value in PIXELS.flatten())
    response = client._client_stub.ModelInfer(request)
    assert response.raw_output_contents[0] == expected.tobytes() and response.id == "typed"


def check_refusals(client):
    error = refusal(lambda: client.infer("fashion", [tensor("input", PIXELS[:, :783])]))
    assert "784" in error.message() and error.status() == "StatusCode.INVALID_ARGUMENT", error
    # One microsecond is too short for anything.
    error = refusal(lambda: client.infer("fashion", [tensor("input", PIXELS)], timeout=1))
    assert error.status() in ("StatusCode.RESOURCE_EXHAUSTED", "StatusCode.DEADLINE_EXCEEDED"), error
    error = refusal(client.get_system_shared_memory_status)
    assert error.status() == "StatusCode.UNIMPLEMENTED", error
    error = refusal(client.get_trace_settings)
    assert error.status() == "StatusCode.UNIMPLEMENTED", error


def check_stream(client, expected):
    answers = queue.Queue()
    client.start_stream(callback=lambda result, error: answers.put((result, error)))
    for index in range(20):
        values = PIXELS[:, :783] if index == 7 else PIXELS
        client.async_stream_infer(
            "fashion", [tensor("input", values)], request_id=str(index), enable_empty_final_response=True
        )
    for index in range(20):
        result, error = answers.get(timeout=60)
        if index == 7:
            assert error is not None and "784" in error.message(), (result, error)
            continue
        assert error is None, error
        response = result.get_response()
        assert response.id == str(index) and response.parameters["triton_final_response"].bool_param, response
        assert np.array_equal(result.as_numpy("logits"), expected)
    client.stop_stream()


def check_sequences(client):
    def asked(values, sequence, start=False, end=False):
        inputs = [tensor("x", np.array([values], dtype=np.float32)), tensor("gain", np.array(2, dtype=np.float32))]
        return {"inputs": inputs, "sequence_id": sequence, "sequence_start": start, "sequence_end": end}

    def add(values, sequence, **flags):
        result = client.infer("sums", **asked(values, sequence, **flags))
        assert [each.name for each in result.get_response().outputs] == ["y"]
        return result.as_numpy("y")[0].tolist()

    for sequence in (5, 2**53 - 1, "microphone"):
        assert add([1, 2, 3], sequence, start=True) == [2, 4, 6]
    assert add([1, 1, 1], 5) == [4, 6, 8]
    assert add([0, 0, 1], "microphone", end=True) == [2, 4, 8]
    assert add([1, 1, 1], 5, end=True) == [6, 8, 10]
    assert add([1, 1, 1], 2**53 - 1, end=True) == [4, 6, 8]
    error = refusal(lambda: add([1, 1, 1], 5))
    assert error.status() == "StatusCode.INVALID_ARGUMENT" and "start" in error.message(), error

    # All at once: the requests of a sequence run in the order in which a stream has them.
    answers = queue.Queue()
    client.start_stream(lambda result, error: answers.put((result, error)))
    for index in range(20):
        client.async_stream_infer("sums", **asked([1, 1, 1], 9, start=index == 0, end=index == 19))
    for index in range(20):
        result, error = answers.get(timeout=30)
        assert error is None and result.as_numpy("y")[0].tolist() == [2 * (index + 1)] * 3, (error, index)
    client.stop_stream()


def check_statistics(client):
    stats = client.get_inference_statistics("fashion").model_stats[0]
    assert stats.inference_count >= 2 and stats.execution_count >= 1, stats
    assert stats.inference_stats.success.count >= 1 and stats.inference_stats.success.ns > 0, stats
    assert 2 in [each.batch_size for each in stats.batch_stats], stats
    assert len(client.get_inference_statistics().model_stats) == 3


def check_model_control(client, expected):
    def states():
        return {each.name: each.state for each in client.get_model_repository_index().models}

    others = {"identity": "READY", "sums": "READY"}
    assert states() == {"fashion": "READY", **others}, states()
    client.unload_model("fashion")
    assert not client.is_model_ready("fashion")
    assert states() == {"fashion": "UNAVAILABLE", **others}, states()
    error = refusal(lambda: client.infer("fashion", [tensor("input", PIXELS)]))
    assert error.status() == "StatusCode.UNAVAILABLE", error
    client.load_model("fashion")
    assert client.is_model_ready("fashion")
    assert np.array_equal(client.infer("fashion", [tensor("input", PIXELS)]).as_numpy("logits"), expected)
    assert "unknown model" in refusal(lambda: client.load_model("wrong_model_name")).message()


async def check_asyncio(expected):
    async with aio.InferenceServerClient(URL) as client:
        assert await client.is_server_ready()
        asked = [client.infer("fashion", [tensor("input", PIXELS, aio)]) for _ in range(8)]
        for result in await asyncio.gather(*asked):
            assert np.array_equal(result.as_numpy("logits"), expected)

        async def requests():
            for index in range(5):
                yield {"model_name": "fashion", "inputs": [tensor("input", PIXELS, aio)], "request_id": str(index)}

        ids = []
        async for result, error in client.stream_infer(requests()):
            assert error is None and np.array_equal(result.as_numpy("logits"), expected), error
            ids.append(result.get_response().id)
        assert ids == ["0", "1", "2", "3", "4"], ids


def main():
    client = grpc.InferenceServerClient(URL)
    check_metadata(client)
    expected = check_inference(client)
    check_datatypes(client)
    check_typed_contents(client, expected)
    check_refusals(client)
    check_stream(client, expected)
    check_sequences(client)
    check_statistics(client)
    check_model_control(client, expected)
    asyncio.run(check_asyncio(expected))
    print("tritonclient over gRPC: every check held")


main()
