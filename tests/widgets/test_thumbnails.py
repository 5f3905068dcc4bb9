import threading

import numpy as np
import pytest

pytest.importorskip("qtpy.QtWidgets")

from napari_cellsynth.errors import UserError
from napari_cellsynth.widgets.thumbnails import CHUNK, Recent, ThumbnailThread, to_image

pytestmark = pytest.mark.gui


class Reader:
    def __init__(self):
        self.chunks = []
        self.threads = set()
        self.closed = False
        self.gate = threading.Event()
        self.gate.set()

    def read(self, keys):
        self.gate.wait(5)
        self.threads.add(threading.get_ident())
        self.chunks.append(list(keys))
        if "broken" in keys:
            raise UserError("The file of this patch is gone.")
        return [np.full((1, 4, 4), 7, dtype=np.uint8) for _ in keys]

    def close(self):
        self.closed = True


@pytest.fixture
def reader():
    return Reader()


@pytest.fixture
def thread(reader, qapp):
    made = ThumbnailThread(lambda: reader)
    yield made
    made.close()


def test_patches_without_a_number_do_not_end_the_reading(reader, thread, qtbot):
    empty, bright = np.full((1, 4, 4), np.nan, np.float32), np.full((1, 4, 4), 7, np.float32)
    reader.read = lambda keys: [empty if key == "empty" else bright for key in keys]
    thread.start()
    with qtbot.waitSignal(thread.ready):
        thread.want("empty")
    with qtbot.waitSignal(thread.ready) as caught:
        thread.want("bright")
    [(_key, image)] = caught.args[0]
    # Of the bright patch's own range, 7 to 8: black. Of the empty one's, 0 to 255, it would be 7.
    assert image.width() == 4 and image.pixelColor(0, 0).red() == 0


def test_an_error_that_nobody_foresaw_is_told_and_the_next_patch_read(reader, thread, qtbot):
    usual = reader.read
    reader.read = lambda keys: [][0] if keys == ["odd"] else usual(keys)
    thread.start()
    with qtbot.waitSignal(thread.failed):
        thread.want("odd")
    with qtbot.waitSignal(thread.ready):
        thread.want("fine")


def test_a_picture_owns_its_pixels(qapp):
    pixels = np.full((3, 5, 3), 9, dtype=np.uint8)
    image = to_image(pixels)
    pixels[:] = 200
    assert (image.width(), image.height()) == (5, 3)
    assert image.pixelColor(4, 2).red() == 9


def test_the_least_recently_used_entry_goes_first():
    kept = Recent(2)
    kept.put("a", 1)
    kept.put("b", 2)
    kept.take("a")
    kept.put("c", 3)
    assert set(kept) == {"a", "c"}


def test_the_newest_wishes_are_read_first_in_chunks_off_the_gui_thread(thread, reader, qtbot):
    got = []
    thread.ready.connect(got.extend)
    for number in range(3 * CHUNK):
        thread.want(number)
        thread.want(number)
    thread.start()
    qtbot.waitUntil(lambda: len(got) == 3 * CHUNK, timeout=3000)
    assert reader.chunks[0] == list(range(2 * CHUNK, 3 * CHUNK))
    assert all(len(chunk) <= CHUNK for chunk in reader.chunks)
    assert thread.patches_read == 3 * CHUNK
    assert threading.get_ident() not in reader.threads


def test_wishes_of_a_view_that_was_left_are_dropped(thread, reader, qtbot):
    got = []
    thread.ready.connect(got.extend)
    for number in range(100):
        thread.want(number)
    thread.forget()
    thread.want("new")
    thread.start()
    qtbot.waitUntil(lambda: len(got) == 1, timeout=3000)
    assert got[0][0] == "new"


def test_one_patch_that_cannot_be_read_does_not_hide_its_neighbours(thread, qtbot):
    got, said = [], []
    thread.ready.connect(got.extend)
    thread.failed.connect(said.append)
    for key in ("a", "b", "broken", "c", "d"):
        thread.want(key)
    thread.start()
    qtbot.waitUntil(lambda: len(got) == 4 and bool(said), timeout=3000)
    assert {key for key, _ in got} == {"a", "b", "c", "d"}
    assert said == ["The file of this patch is gone."]


def test_closing_ends_the_thread_and_closes_the_reader(thread, reader, qtbot):
    thread.start()
    thread.want(1)
    thread.close()
    assert thread.isFinished()
    assert reader.closed
