import subprocess
import sys
import tracemalloc
import zipfile

import keras
import numpy as np
import pytest
import soundfile

from tests.networks import awake
from tfaudiogan import enhance, load_model
from tfaudiogan.audio.files import AudioReader, read_audio, write_audio
from tfaudiogan.audio.levels import gain_to_common_level, measure_level
from tfaudiogan.audio.windows import overlap_add, split_windows
from tfaudiogan.errors import InputError
from tfaudiogan.inference.enhance import are_long, enhance_file
from tfaudiogan.inference.load import WindowModel
from tfaudiogan.inference.metadata import ModelMetadata, write_metadata
from tfaudiogan.models import build_generator

RATE = 44100
WINDOW = 256


def identity(windows):
    return windows


def identity_at(rate, window=WINDOW):
    return WindowModel(identity, ModelMetadata(rate, window))


def noise(*shape, peak=0.3):
    return np.random.default_rng(0).uniform(-peak, peak, shape).astype(np.float32)


@pytest.fixture(scope="module")
def generator():
    return awake(build_generator(WINDOW, blocks=3, d_max=0, base_filters=16, reduction=4))


@pytest.fixture(scope="module")
def generator_path(generator, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "generator.keras"
    generator.save(path)
    write_metadata(path, ModelMetadata(RATE, WINDOW, task="instrument"))
    return path


def by_hand(generator, audio):
    """Enhance one channel window by window, from the definitions."""
    gain = gain_to_common_level(measure_level(audio))
    windows = split_windows(audio * np.float32(gain), WINDOW)
    output = keras.ops.convert_to_numpy(generator(windows[..., np.newaxis]))[..., 0]
    return overlap_add(output, len(audio)) / gain


@pytest.mark.parametrize("channels", [None, 1, 2, 3])
@pytest.mark.parametrize("samples", [0, 1, 2, 127, 128, 129, 8191, 8192, 100_001])
def test_identity_to_the_first_and_last_sample(samples, channels):
    audio = noise(*((samples,) if channels is None else (samples, channels)), peak=1.0)
    output = enhance(identity_at(RATE), audio, RATE)
    assert output.shape == audio.shape
    assert output.dtype == np.float32
    np.testing.assert_allclose(output, audio, rtol=0, atol=1e-6)


@pytest.mark.parametrize("model_rate", [48000, 22050])
@pytest.mark.parametrize("samples", [1, 2, 3, 50_000])
def test_identity_at_another_rate(model_rate, samples):
    # A band-limited signal with fades survives resampling in both directions.
    time = np.arange(samples) / RATE
    audio = np.sin(2 * np.pi * 1000 * time) * np.hanning(samples + 2)[1:-1]
    output = enhance(identity_at(model_rate), audio.astype(np.float32), RATE)
    assert output.shape == audio.shape
    if samples > 3:
        np.testing.assert_allclose(output, audio, atol=2e-6)


@pytest.mark.parametrize("model", [identity, lambda windows: windows[..., np.newaxis]])
def test_a_plain_function_is_a_model(model):
    audio = noise(20_000)
    np.testing.assert_allclose(enhance(model, audio, 8000), audio, atol=1e-6)


@pytest.mark.parametrize("level_dbfs", [-61.0, -78.0, -120.0])
def test_a_recording_below_the_gate_reaches_the_model_at_the_common_level(level_dbfs):
    seen = []

    def watch(windows):
        seen.append(windows)
        return windows

    audio = noise(20_000)
    audio *= np.float32(10 ** (level_dbfs / 20) / np.sqrt(np.mean(np.square(audio))))
    output = enhance(WindowModel(watch, ModelMetadata(RATE, WINDOW)), audio, RATE)
    heard = np.sqrt(np.mean(np.square(np.concatenate(seen)[2:-4])))
    assert 20 * np.log10(heard) == pytest.approx(-20.0, abs=1.0)
    np.testing.assert_allclose(output, audio, rtol=0, atol=1e-5 * np.abs(audio).max())


def test_silence_gets_gain_one():
    seen = []

    def watch(windows):
        seen.append(windows)
        return windows + np.float32(0.25)

    output = enhance(WindowModel(watch, ModelMetadata(RATE, WINDOW)), np.zeros(1000, "f4"), RATE)
    assert not np.concatenate(seen).any()
    np.testing.assert_allclose(output, 0.25, atol=1e-7)


@pytest.mark.parametrize("factor", [1e-2, 1.0, 30.0])
def test_every_recording_reaches_the_model_at_its_level(factor):
    heard = []

    def listen(windows):
        heard.append(windows[1:-1, : WINDOW // 2].ravel())
        return windows

    audio = noise(60_000) * np.float32(factor)
    metadata = ModelMetadata(RATE, WINDOW, level_dbfs=-23.0)
    output = enhance(WindowModel(listen, metadata), audio, RATE)
    assert measure_level(np.concatenate(heard)) == pytest.approx(-23.0, abs=0.1)
    np.testing.assert_allclose(output, audio, rtol=0, atol=1e-6 * max(1.0, factor))


def test_a_network_gives_its_definition(generator, generator_path):
    audio = noise(3001)
    expected = by_hand(generator, audio)
    for model in (generator, str(generator_path)):
        # float32 through a network, with other batches
        np.testing.assert_allclose(enhance(model, audio, RATE), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("audio", "rate", "message"),
    [
        (np.zeros(10, np.int16), RATE, "audio has the dtype int16"),
        (np.zeros((2, 44100)), RATE, "channels"),
        (np.zeros((10, 0)), RATE, "channels"),
        (np.zeros((1, 10, 1)), RATE, "shape"),
        (np.float32(1), RATE, "shape"),
        (np.array([0.0, np.nan]), RATE, "NaN"),
        (np.array([0.0, np.inf]), RATE, "NaN or infinity"),
        (np.zeros(10), 0, "sample rate of 0 Hz"),
        (np.zeros(10), -44100, "sample rate of -44100 Hz"),
    ],
)
def test_bad_signal(audio, rate, message):
    with pytest.raises(InputError, match=message):
        enhance(identity, audio, rate)


def _other_keras(path):
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)]).save(path)


def _damaged(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", '{"module": "os", "class_name": "system"}')
    write_metadata(path, ModelMetadata(RATE, WINDOW))


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        ("no.keras", lambda path: None, "does not exist"),
        ("no", lambda path: None, "does not exist"),
        ("a.wav", lambda path: write_audio(path, noise(10), RATE), "is not a model"),
        ("folder", lambda path: path.mkdir(), "is not a model"),
        ("a.keras", lambda path: path.write_text("hello"), "is not a model of tfaudiogan"),
        ("a.tflite", lambda path: path.write_text("hello"), "is not a model of tfaudiogan"),
        ("other.keras", _other_keras, "is not a model of tfaudiogan"),
        ("bad.keras", _damaged, "cannot be loaded"),
    ],
)
def test_bad_model_file(tmp_path, name, make, message):
    make(tmp_path / name)
    with pytest.raises(InputError, match=message) as raised:
        load_model(tmp_path / name)
    assert str(tmp_path / name) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_an_object_that_is_not_a_model():
    with pytest.raises(TypeError, match="model is a int"):
        load_model(3)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("samples", [1, 5, 70_000])
@pytest.mark.parametrize(
    ("source", "destination", "rate"),
    [
        ("a.wav", "b.wav", RATE),
        ("a.flac", "b.wav", 96000),
        ("a.ogg", "b.flac", RATE),
        ("a.opus", "b.aiff", 48000),
        ("a.mp3", "b.wav", 22050),
    ],
)
def test_identity_on_files(tmp_path, source, destination, rate, samples, channels):
    write_audio(tmp_path / source, noise(samples, channels), rate)
    before, _ = read_audio(tmp_path / source)
    done = enhance_file(identity_at(rate), tmp_path / source, tmp_path / destination)
    after, rate_after = read_audio(tmp_path / destination)
    assert rate_after == rate
    assert (done.samples, done.channels, done.sample_rate) == (samples, channels, rate)
    assert done.clipped == 0
    assert after.shape == before.shape
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-6)


@pytest.mark.parametrize("destination", ["b.wav", "b.flac", "b.ogg", "b.mp3"])
def test_file_at_another_rate_keeps_length_rate_and_channels(tmp_path, destination):
    write_audio(tmp_path / "a.wav", noise(10_007, 2), 32000)
    enhance_file(identity_at(RATE), tmp_path / "a.wav", tmp_path / destination)
    reader = AudioReader(tmp_path / destination)
    assert (reader.samples, reader.channels, reader.sample_rate) == (10_007, 2, 32000)


def test_file_equals_array(tmp_path, generator_path):
    write_audio(tmp_path / "a.wav", noise(20_000, 2), 48000, floats=True)
    model = load_model(generator_path)
    enhance_file(model, tmp_path / "a.wav", tmp_path / "b.wav", floats=True)
    audio, _ = read_audio(tmp_path / "a.wav")
    output, _ = read_audio(tmp_path / "b.wav")
    np.testing.assert_allclose(output, enhance(model, audio, 48000), atol=1e-6)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="only TensorFlow is fused")
def test_a_fused_model_is_the_plain_one():
    large = awake(build_generator(2048, blocks=2, d_max=0, base_filters=16, reduction=4))
    plain, fused = load_model(large), load_model(large, fuse=True)
    for count in (1, 3, 16, 19):
        windows = noise(count, 2048)
        assert fused(windows).shape == windows.shape
        # float32; the same sums but for what XLA contracts
        np.testing.assert_allclose(fused(windows), plain(windows), atol=1e-5)


def test_only_long_recordings_are_compiled(tmp_path):
    for name, channels in (("mono.wav", 1), ("stereo.wav", 2)):
        soundfile.write(tmp_path / name, np.zeros((150 * 1000, channels), "int16"), 1000)
    mono, stereo, missing = (tmp_path / f"{name}.wav" for name in ("mono", "stereo", "missing"))
    assert not are_long(mono, stereo, missing)
    assert are_long(stereo, stereo)


def test_clipping_is_reported_and_floats_keep_it(tmp_path):
    write_audio(tmp_path / "a.wav", noise(5000, peak=0.9), RATE)
    louder = WindowModel(lambda windows: 2 * windows, ModelMetadata(RATE, WINDOW))
    before, _ = read_audio(tmp_path / "a.wav")
    done = enhance_file(louder, tmp_path / "a.wav", tmp_path / "b.wav")
    assert done.clipped == np.count_nonzero(np.abs(2 * before) > 1)
    assert done.peak == pytest.approx(2 * np.abs(before).max(), abs=1e-5)
    done = enhance_file(louder, tmp_path / "a.wav", tmp_path / "c.wav", floats=True)
    assert done.clipped == 0
    np.testing.assert_allclose(read_audio(tmp_path / "c.wav")[0], 2 * before, atol=2e-6)


@pytest.mark.parametrize("model_rate", [RATE, 48000])
@pytest.mark.parametrize("hop", [0, 7500])
def test_mixing_meets_the_recording_sample_for_sample(tmp_path, model_rate, hop):
    # Smooth, as resampling there and back loses what is next to half of the sample rate.
    audio = np.cumsum(noise(150_001, 2, peak=1.0), axis=0)
    audio = (audio - np.linspace(audio[0], audio[-1], len(audio))).astype(np.float32)
    audio *= np.float32(0.2) / np.abs(audio).max()
    soundfile.write(tmp_path / "a.wav", audio, RATE, "FLOAT")
    model = WindowModel(lambda windows: 3 * windows, ModelMetadata(model_rate, 8192, hop=hop))
    enhance_file(model, tmp_path / "a.wav", tmp_path / "b.wav", amount=0.25, floats=True)
    mixed, _ = read_audio(tmp_path / "b.wav")
    np.testing.assert_allclose(
        mixed, 1.5 * audio, rtol=0, atol=1e-6 if model_rate == RATE else 1e-3
    )


def test_a_model_that_fails_amid_a_file(tmp_path):
    write_audio(tmp_path / "a.wav", noise(500_000), RATE)
    runs = []

    def fail(windows):
        runs.append(len(windows))
        return windows * (np.nan if sum(runs) > 60 else 1)

    with pytest.raises(InputError, match="the model returned NaN"):
        enhance_file(fail, tmp_path / "a.wav", tmp_path / "b.wav")
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_report_and_progress(tmp_path):
    write_audio(tmp_path / "a.wav", noise(200_000), RATE)
    calls = []
    done = enhance_file(
        identity_at(RATE),
        tmp_path / "a.wav",
        tmp_path / "b.wav",
        progress=lambda *call: calls.append(call),
    )
    level = measure_level(read_audio(tmp_path / "a.wav")[0])
    assert done.level_dbfs == pytest.approx(level)
    assert done.gain_db == pytest.approx(-20 - level)
    assert calls == sorted(calls)
    assert calls[-1] == (200_000, 200_000)
    assert len(calls) > 2


def test_bad_recordings_and_places(tmp_path):
    write_audio(tmp_path / "a.wav", noise(100), RATE)
    cut = (tmp_path / "a.wav").read_bytes()[:-50]
    (tmp_path / "cut.wav").write_bytes(cut)
    soundfile.write(tmp_path / "nan.wav", np.full(100, np.nan), RATE, "FLOAT")
    for source, destination, message in [
        ("no.wav", "b.wav", "does not exist"),
        ("cut.wav", "b.wav", "truncated"),
        ("nan.wav", "b.wav", "NaN"),
        ("a.wav", "b.xyz", "unknown extension"),
        ("a.wav", "a.wav", "is the recording itself"),
        ("a.wav", "a.wav/b.wav", "cannot write"),
    ]:
        with pytest.raises(InputError, match=message):
            enhance_file(identity, tmp_path / source, tmp_path / destination)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.wav", "cut.wav", "nan.wav"]


def test_memory_does_not_depend_on_the_length(tmp_path):
    def peak(seconds):
        write_audio(tmp_path / "a.wav", noise(seconds * RATE), RATE)
        tracemalloc.start()
        enhance_file(identity_at(48000, 8192), tmp_path / "a.wav", tmp_path / "b.wav")
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    # 60 s more are 10 MB of floats; ten blocks, 2.6 MB, may be read ahead, or not.
    assert peak(80) == pytest.approx(peak(20), abs=3_000_000)


def test_no_tensorflow_for_a_function():
    code = (
        "import sys, numpy, tfaudiogan;"
        "tfaudiogan.enhance(lambda w: w, numpy.zeros(99), 8000);"
        "sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("channels", [1, 2])
def test_a_reference_is_approached_half_of_the_way(tmp_path, channels):
    from tfaudiogan.audio.blind_equalizer import BlindEqualizer, long_term_spectrum

    rng = np.random.default_rng(0)
    audio = 0.1 * rng.standard_normal((30_000, channels)).astype(np.float32)
    reference = np.cumsum(0.02 * rng.standard_normal((30_000, 1)), axis=0).astype(np.float32)
    reference -= reference.mean()
    reference *= 0.5 / np.abs(reference).max()
    soundfile.write(tmp_path / "take.wav", audio, 8000, "FLOAT")
    soundfile.write(tmp_path / "studio.wav", reference, 8000, "FLOAT")

    def double(windows):
        return 2 * windows

    calls = []
    enhance_file(
        double,
        tmp_path / "take.wav",
        tmp_path / "out.wav",
        reference=tmp_path / "studio.wav",
        floats=True,
        progress=lambda *call: calls.append(call),
    )
    assert calls[-1] == (60_000, 60_000)
    assert calls == sorted(calls)
    written, _ = soundfile.read(tmp_path / "out.wav", always_2d=True)
    expected = BlindEqualizer(long_term_spectrum(reference, 8000), 0.5)(2 * audio, 8000)
    np.testing.assert_allclose(written, expected, atol=1e-4)
    np.testing.assert_allclose(enhance(double, audio, 8000, reference), expected, atol=1e-4)
    assert np.abs(expected - 2 * audio).max() > 0.1
    enhance_file(
        double,
        tmp_path / "take.wav",
        tmp_path / "half.wav",
        reference=tmp_path / "studio.wav",
        amount=0.5,
        floats=True,
    )
    half, _ = soundfile.read(tmp_path / "half.wav", always_2d=True)
    np.testing.assert_allclose(half, 0.5 * (written + audio), atol=1e-6)
    assert {path.name for path in tmp_path.iterdir()} == {
        *("take.wav", "studio.wav", "out.wav", "half.wav")
    }


def test_a_silent_reference_is_refused(tmp_path):
    soundfile.write(tmp_path / "take.wav", np.ones(5000) * 0.1, 8000)
    soundfile.write(tmp_path / "studio.wav", np.zeros(5000), 8000)
    with pytest.raises(InputError, match="is silent"):
        enhance_file(
            lambda windows: windows,
            tmp_path / "take.wav",
            tmp_path / "out.wav",
            reference=tmp_path / "studio.wav",
        )
    with pytest.raises(InputError, match="the reference is silent"):
        enhance(lambda windows: windows, np.ones(5000, np.float32), 8000, np.zeros(5000))
    assert not (tmp_path / "out.wav").exists()
