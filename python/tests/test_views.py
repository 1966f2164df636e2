"""Views of shared memory end when they must, loudly."""

from __future__ import annotations

import gc
import pickle
import threading
from typing import Any

import pytest
from conftest import Connect, Serve
from support import echo

import zeroduplex as z

np = pytest.importorskip("numpy")


def test_released_views_raise(serve: Serve, connect: Connect) -> None:
    serve(echo)
    client = connect()
    response = client.call(b"abc")
    view = response.data
    assert response.data is view
    response.release()
    response.release()
    with pytest.raises(ValueError, match="released"):
        view[0]
    for use in (lambda: response.data, lambda: response.size, lambda: response.as_numpy(), response.__enter__):
        with pytest.raises(z.FrameReleasedError, match="response 1 of"):
            use()


def test_numpy_arrays_share_the_memory(serve: Serve, connect: Connect) -> None:
    def handler(frame: z.Frame) -> None:
        pixels = frame.as_numpy("<f4", (2, 3))
        pixels *= 2

    serve(handler)
    client = connect()
    with client.acquire_request_buffer(24) as buffer:
        buffer.as_numpy("<f4", (2, 3))[:] = [[1, 2, 3], [4, 5, 6]]
    with client.receive_response() as response:
        assert response.as_numpy("<f4", 6).tolist() == [2, 4, 6, 8, 10, 12]
        assert response.as_numpy("<f4").shape == (6,)
        response.as_numpy("u1")[0] = 77
        assert response.data[0] == 77


def test_numpy_shapes_must_fit(serve: Serve, connect: Connect) -> None:
    serve(echo)
    client = connect()
    with client.call(bytes(24)) as response:
        for dtype, shape in (("u1", 23), ("u1", (5, 5)), ("<f4", (7,)), ("u1", (-1, -24)), ("O", (3,)), ("u1", (24, 0))):
            with pytest.raises(z.InvalidArgumentError):
                response.as_numpy(dtype, shape)
        with pytest.raises(z.InvalidArgumentError, match="exactly"):
            response.as_numpy("<u8").shape and response.as_numpy([("a", "u1", 7)])
    with client.call(b"") as response:
        assert response.as_numpy().shape == (0,)
        assert response.as_numpy("<f8", (0, 3)).shape == (0, 3)


@pytest.mark.parametrize("keep", ["array", "slice of an array", "slice", "cast", "second view"])
def test_a_view_kept_past_release_raises(serve: Serve, connect: Connect, keep: str) -> None:
    serve(echo, payload_size=256)
    client = connect()
    response = client.call(b"x" * 192)
    kept: Any = {
        "array": lambda: response.as_numpy(),
        "slice of an array": lambda: response.as_numpy("u1", (12, 16))[3:, 2],
        "slice": lambda: response.data[5:9],
        "cast": lambda: response.data.cast("I"),
        "second view": lambda: memoryview(response.data),
    }[keep]()
    with pytest.raises(z.ViewInUseError, match=r"response 1 of .* a view of its data is still alive") as caught:
        response.release()
    assert isinstance(caught.value, z.FrameReleasedError)
    assert isinstance(caught.value, BufferError)
    assert kept[0] is not None
    assert response.data == b"x" * 192  # as it was before
    with pytest.raises(z.BufferFullError):
        client.send_request(b"not into its place", timeout=0)
    del kept
    response.release()
    client.call(b"y" * 192).release()


def test_a_view_kept_past_commit_raises(serve: Serve, connect: Connect) -> None:
    serve(echo)
    client = connect()
    buffer = client.acquire_request_buffer(4)
    kept = buffer.as_numpy()
    for end in (buffer.commit, buffer.abort):
        with pytest.raises(z.ViewInUseError, match="request buffer of"):
            end()
    kept[:] = 7
    del kept
    buffer.commit()
    with client.receive_response() as response:
        assert response.data == b"\7\7\7\7"


def test_a_block_that_raises_does_not_hide_its_error(serve: Serve, connect: Connect) -> None:
    serve(echo, payload_size=256)
    client = connect()
    kept = []
    with pytest.raises(ZeroDivisionError), client.call(b"x" * 192) as response:
        kept.append(response.as_numpy())
        raise ZeroDivisionError
    with pytest.raises(z.BufferFullError):
        client.send_request(b"x" * 192, timeout=0)
    assert kept[0].tolist() == [120] * 192
    kept.clear()  # the last view dies: the response is given back
    client.call(b"x" * 192).release()


def test_a_request_buffer_with_a_view_alive_aborts_when_it_dies(serve: Serve, connect: Connect) -> None:
    serve(echo)
    client = connect()
    kept = []
    with pytest.raises(ZeroDivisionError), client.acquire_request_buffer(10) as buffer:
        kept.append(buffer.as_numpy())
        raise ZeroDivisionError
    with pytest.raises(z.AcquisitionOpenError):
        client.send_request(b"x", timeout=0)
    kept.clear()
    with client.call(b"x") as response:
        assert response.sequence == 1


def test_dropped_loans_are_given_back_with_a_warning(serve: Serve, connect: Connect) -> None:
    serve(echo, payload_size=256)
    client = connect()
    for _ in range(5):
        with pytest.warns(ResourceWarning, match="dropped without being given back"):
            assert client.call(b"x" * 192).data[0] == ord("x")
            gc.collect()
    with pytest.warns(ResourceWarning, match="request buffer"):
        client.acquire_request_buffer(192)
        gc.collect()
    with pytest.warns(ResourceWarning):
        array = client.call(b"y" * 192).as_numpy()
        gc.collect()
    assert array.tolist() == [ord("y")] * 192  # not given back yet
    with pytest.raises(z.BufferFullError):
        client.send_request(b"", timeout=0, capacity=192)
    del array
    client.call(b"z" * 192).release()


def test_views_outlive_the_channel_without_a_crash(serve: Serve, connect: Connect) -> None:
    server = serve(echo)
    client = connect()
    response = client.call(b"still here")
    kept = response.as_numpy()
    client.close()
    with pytest.raises(z.TimeoutError):
        server.stop(0)  # the client has its response
    del client
    with pytest.raises(z.ViewInUseError):
        response.release()
    gc.collect()
    assert bytes(kept) == b"still here"
    kept[:] = 1
    del kept
    response.release()
    with pytest.raises(z.FrameReleasedError):
        _ = response.data


def test_frames_end_with_the_handler(serve: Serve, connect: Connect) -> None:
    frames: list[tuple[z.Frame, memoryview]] = []
    serve(lambda frame: frames.append((frame, frame.data)))
    connect().call(b"x").release()
    frame, view = frames[0]
    with pytest.raises(ValueError, match="released"):
        view[0]
    for use in (
        lambda: frame.data,
        lambda: frame.size,
        lambda: frame.capacity,
        lambda: frame.sequence,
        lambda: frame.opcode,
        lambda: frame.one_way,
        lambda: frame.status,
        lambda: frame.resize(1),
    ):
        with pytest.raises(z.FrameReleasedError, match="frame 1"):
            use()


@pytest.mark.parametrize("one_way", [False, True])
def test_a_handler_that_keeps_a_view_is_told(serve: Serve, connect: Connect, errors: list[z.ZeroDuplexError], one_way: bool) -> None:
    kept: list[object] = []
    serve(lambda frame: kept.append(frame.as_numpy()) if frame.opcode else None)
    client = connect()
    if one_way:
        client.send_request(b"x" * 300, opcode=1, one_way=True)
    else:
        with pytest.raises(z.HandlerFailedError, match="a view of its data is still alive"):
            client.call(b"x" * 300, opcode=1)
    client.call(b"behind it").release()
    assert [type(e) for e in errors] == [z.ViewInUseError]


def test_an_exception_that_knows_its_frame_is_no_kept_view(serve: Serve, connect: Connect, errors: list[z.ZeroDuplexError]) -> None:
    def handler(frame: z.Frame) -> None:
        pixels = frame.as_numpy()
        try:
            pixels[1000] = 1
        except IndexError as error:
            saved = error  # a cycle: error, traceback, frame, saved
            raise saved from None

    serve(handler)
    with pytest.raises(z.HandlerFailedError, match="out of bounds"):
        connect().call(b"x")
    assert errors == []


def test_release_from_another_thread(serve: Serve, connect: Connect) -> None:
    serve(echo)
    client = connect()
    response = client.call(b"x")
    threads = [threading.Thread(target=response.release) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    client.call(b"y").release()


def test_nothing_can_be_pickled(serve: Serve, connect: Connect) -> None:
    frames: list[type] = []

    def handler(frame: z.Frame) -> None:
        try:
            pickle.dumps(frame)
        except TypeError as e:
            frames.append(type(e))

    server = serve(handler)
    client = connect()
    with client.call(b"x") as response, client.acquire_request_buffer(1) as buffer:
        for thing in (server, client, response, buffer):
            with pytest.raises(TypeError, match="cannot be pickled"):
                pickle.dumps(thing)
        buffer.abort()
    assert frames == [TypeError]
