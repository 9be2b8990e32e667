"""Commands that make and convert corpora of pairs."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from tfaudiogan.commands.options import Jobs, OverwriteCorpus, Rate, Seed, examples
from tfaudiogan.errors import InputError
from tfaudiogan.progress import console

app = typer.Typer()

_MAX_REFUSALS = 20


def _controls(expressions: list[str]) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Parse controllers to remove, such as ``64``, and controllers to fix, such as ``64=0``."""
    removed, fixed = [], []
    for expression in expressions:
        number, equals, value = expression.partition("=")
        try:
            if equals:
                fixed.append((int(number), int(value)))
            else:
                removed.append(int(number))
        except ValueError as error:
            raise InputError(
                f"controller is {expression!r}; expected a number such as 64, or 64=0"
            ) from error
    return tuple(removed), tuple(fixed)


def _numbers(expression: str | None, option: str = "--tracks") -> int | dict[str, int] | None:
    """Parse one number for all splits, such as ``20``, or several: ``train=30,test=5``."""
    if expression is None:
        return None
    try:
        if "=" in expression:
            parts = (part.split("=") for part in expression.split(","))
            return {split.strip(): int(number) for split, number in parts}
        number = int(expression)
    except ValueError as error:
        raise InputError(
            f"{option} is {expression!r}; expected a number such as 20, or train=30,test=5"
        ) from error
    if number < 1:
        raise InputError(f"{option} is {number}; expected 1 or more")
    return number


def _print_report(corpus, report) -> None:
    refused = list(report.refused.items())
    for name, reason in refused[:_MAX_REFUSALS]:
        console.print(f"[yellow]left out[/] {name}: {reason}")
    if len(refused) > _MAX_REFUSALS:
        console.print(f"[yellow]left out[/] {len(refused) - _MAX_REFUSALS} more")
    print(
        f"{len(report.rendered)} rendered, {len(report.skipped)} already there, "
        f"{len(report.refused)} left out\n{corpus.folder}: {corpus.description}"
    )


def _playing(soundfonts, programs, excluded, shares):
    """Return how excerpts are played; ``None`` without a soundfont."""
    from tfaudiogan.making.playing import Playing
    from tfaudiogan.making.soundfonts import choose_soundfonts

    if not soundfonts:
        return None
    return Playing(choose_soundfonts(soundfonts, programs or (), excluded or ()), **shares)


def _not_of(names, lists):
    """Return the lists of programs that do not name one of these soundfonts."""
    return [text for text in lists or () if text.rpartition("=")[0] not in names]


def _print_default_soundfont(midi, soundfonts) -> None:
    """Print the default soundfont if it is used, as it may be one that is meant for testing."""
    if midi is not None and not soundfonts:
        from tfaudiogan.making.synthesis import find_soundfont

        console.print(f"soundfont: {find_soundfont()}", soft_wrap=True, markup=False)


@app.command(
    epilog=examples(
        "tfaudiogan render --midi maestro-v3.0.0 --out corpora/piano",
        "... --tracks 20",
        "... --beam '--runner=FlinkRunner --flink_master=HOST:8081'",
    )
)
def render(
    out: Annotated[
        Path, typer.Option(help="Folder of the corpus, which is continued if it exists.")
    ],
    midi: Annotated[
        Path | None,
        typer.Option(help="Folder of MIDI files, in the layout of MAESTRO or any other."),
    ] = None,
    audio: Annotated[
        Path | None, typer.Option(help="Folder of clean recordings for phone and superres.")
    ] = None,
    task: Annotated[str, typer.Option(help="Task: instrument, phone or superres.")] = "instrument",
    input_program: Annotated[
        int, typer.Option(help="General MIDI program of the input, from 0.")
    ] = 4,
    target_program: Annotated[
        int, typer.Option(help="General MIDI program of the target, from 0.")
    ] = 0,
    input_velocity: Annotated[
        int | None, typer.Option(help="Velocity of all notes of the input, from 1 to 127.")
    ] = None,
    target_velocity: Annotated[
        int | None, typer.Option(help="Velocity of all notes of the target, from 1 to 127.")
    ] = None,
    input_control: Annotated[
        list[str] | None,
        typer.Option(
            help="MIDI controller of the input: 64 removes it, 64=0 sets its value. Repeatable."
        ),
    ] = None,
    target_control: Annotated[
        list[str] | None,
        typer.Option(
            help="MIDI controller of the target: 64 removes it, 64=0 sets its value. Repeatable."
        ),
    ] = None,
    soundfont: Annotated[
        list[Path] | None,
        typer.Option(
            help="SoundFont file (SF2 or SF3). Repeatable for phone and superres; a file that is "
            "given twice is drawn twice as often. Excerpts have no default soundfont."
        ),
    ] = None,
    sample_rate: Rate = 44100,
    preset: Annotated[
        list[str] | None,
        typer.Option(
            "--preset",
            "--degradation",
            help="Degradations of the phone task: light, phone, old-phone, today or varied. "
            "Several are mixed; light=2 doubles the share of light. phone by default.",
        ),
    ] = None,
    rooms: Annotated[
        Path | None,
        typer.Option(help="Folder of recorded impulse responses of rooms for today and varied."),
    ] = None,
    microphones: Annotated[
        Path | None,
        typer.Option(help="Folder of recorded impulse responses of microphones and other devices."),
    ] = None,
    noises: Annotated[Path | None, typer.Option(help="Folder of recorded noises.")] = None,
    excerpts: Annotated[
        str | None,
        typer.Option(
            help="Number of excerpts to render for phone instead of whole tracks, each with its "
            "own random draws: 12000 (90 % for training) or train=12000,validation=300."
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(help="Length of an excerpt in seconds.")] = 6.0,
    timbre: Annotated[
        bool, typer.Option(help="Apply the same random equalizer to both sides of an excerpt.")
    ] = True,
    programs: Annotated[
        list[str] | None,
        typer.Option(
            help="General MIDI programs of excerpts, from 0, such as 0-11,13-95, or those of one "
            "soundfont, such as TimGM6mb=0-7. Repeatable; all pitched programs by default."
        ),
    ] = None,
    exclude_programs: Annotated[
        list[str] | None, typer.Option(help="Programs to exclude, in the same form. Repeatable.")
    ] = None,
    validation_soundfont: Annotated[
        list[Path] | None,
        typer.Option(help="SoundFont file for the validation and test excerpts. Repeatable."),
    ] = None,
    validation_programs: Annotated[
        list[str] | None,
        typer.Option(help="Programs of the validation and test excerpts. Repeatable."),
    ] = None,
    piano: Annotated[float, typer.Option(help="Share of the excerpts that a piano plays.")] = 0.4,
    ensemble: Annotated[
        float, typer.Option(help="Share of the excerpts that two programs and drums play.")
    ] = 0.25,
    ratio: Annotated[
        int, typer.Option(help="Ratio of the sample rates of the superres task: 2, 4 or 6.")
    ] = 4,
    variants: Annotated[
        int,
        typer.Option(
            help="Number of pairs of each track for phone and superres, each with its own random "
            "draws.",
            min=1,
        ),
    ] = 1,
    tracks: Annotated[
        str | None,
        typer.Option(
            help="Largest number of tracks: 20 in each split, or train=30,test=5, which takes all "
            "tracks of the other splits."
        ),
    ] = None,
    overwrite: OverwriteCorpus = False,
    jobs: Jobs = None,
    beam: Annotated[
        str | None,
        typer.Option(
            help="Options of an Apache Beam pipeline to render with, such as "
            '"--runner=FlinkRunner --flink_master=HOST:8081". Its workers must see all paths.'
        ),
    ] = None,
    seed: Seed = 0,
) -> None:
    """Render a corpus of pairs.

    The input and the target of a pair are the same music.
    """
    common = {"sample_rate": sample_rate, "jobs": jobs, "tracks": _numbers(tracks)}
    common["overwrite"] = overwrite
    if beam is not None:
        common["beam"] = shlex.split(beam)
        out, midi, audio = (path and path.absolute() for path in (out, midi, audio))
        soundfont = [path.absolute() for path in soundfont or ()]
        validation_soundfont = [path.absolute() for path in validation_soundfont or ()]
    random_options = {"seed": seed, "variants": variants, "soundfonts": tuple(soundfont or ())}
    source = midi or audio
    if (midi is None) == (audio is None) or source is None:
        raise InputError(
            "give one source: either --midi DIR, or --audio DIR for phone and superres"
        )
    if excerpts is not None and task != "phone":
        raise InputError(f"--excerpts works only with --task phone, not {task}")
    if preset and task != "phone":
        raise InputError(f"--preset works only with --task phone, not {task}")
    if task == "instrument":
        from tfaudiogan.making.instrument import render_corpus
        from tfaudiogan.making.midi import Transformation

        if midi is None:
            raise InputError("the instrument task renders MIDI files; give --midi DIR")
        try:
            input, target = (
                Transformation(program, velocity, *_controls(controls or []))
                for program, velocity, controls in (
                    (input_program, input_velocity, input_control),
                    (target_program, target_velocity, target_control),
                )
            )
        except (TypeError, ValueError) as error:
            raise InputError(str(error)) from error
        if len(soundfont or []) > 1:
            raise InputError(
                f"{len(soundfont)} soundfonts are given; the instrument task takes only one"
            )
        font = soundfont[0] if soundfont else None
        corpus, report = render_corpus(
            midi, out, input=input, target=target, soundfont=font, **common
        )
    elif task == "phone":
        from tfaudiogan.making.devices import find_recorded_devices

        presets = tuple(preset or ("phone",))
        recordings = find_recorded_devices(rooms, microphones, noises)
        if excerpts is None:
            from tfaudiogan.making.phone import render_phone

            _print_default_soundfont(midi, soundfont)
            corpus, report = render_phone(
                source, out, preset=presets, recordings=recordings, **random_options, **common
            )
        else:
            if tracks is not None or variants != 1:
                raise InputError(
                    "--excerpts are taken from all tracks; leave out --tracks and --variants"
                )
            from tfaudiogan.making.excerpts import render_excerpts

            del common["tracks"]
            shares = {"piano": piano, "ensemble": ensemble}
            playing = _playing(soundfont, programs, exclude_programs, shares)
            validation = None
            if validation_soundfont or validation_programs:
                fonts = validation_soundfont or soundfont or []
                others = {path.stem for path in soundfont or ()} - {path.stem for path in fonts}
                validation = _playing(
                    fonts,
                    validation_programs or _not_of(others, programs),
                    _not_of(others, exclude_programs),
                    shares,
                )
            corpus, report = render_excerpts(
                source,
                out,
                excerpts=_numbers(excerpts, "--excerpts"),
                seconds=seconds,
                presets=presets,
                playing=playing,
                validation_playing=validation,
                recordings=recordings,
                timbre=timbre,
                seed=seed,
                **common,
            )
    elif task == "superres":
        from tfaudiogan.making.superres import render_superres

        _print_default_soundfont(midi, soundfont)
        corpus, report = render_superres(source, out, ratio=ratio, **random_options, **common)
    else:
        raise InputError(f"unknown task {task!r}; choose instrument, phone or superres")
    _print_report(corpus, report)


@app.command(
    epilog=examples(
        "tfaudiogan pairs --input phone --target studio --out corpora/own",
    )
)
def pairs(
    input: Annotated[Path, typer.Option(help="Folder of the input recordings.")],
    target: Annotated[
        Path,
        typer.Option(help="Folder of the target recordings, which have the same names."),
    ],
    out: Annotated[Path, typer.Option(help="Folder of the corpus.")],
    sample_rate: Rate = 44100,
    aligned: Annotated[
        bool,
        typer.Option(
            "--aligned",
            help="Skip the alignment of recordings that are already aligned to the sample.",
        ),
    ] = False,
    overwrite: OverwriteCorpus = False,
    jobs: Jobs = None,
) -> None:
    """Make a corpus of your own recordings.

    Recordings of the same performance, with the same name in two folders, are aligned.
    """
    from tfaudiogan.making.pairs import pair_recordings

    corpus, report = pair_recordings(
        input,
        target,
        out,
        sample_rate=sample_rate,
        alignment=not aligned,
        jobs=jobs,
        overwrite=overwrite,
    )
    for name, match in report.matches.items():
        print(
            f"{name}: {match.seconds:.1f} s, delay {match.delay_ms:.2f} ms, "
            f"drift {match.drift_ppm:.1f} ppm, correlation {match.correlation:.2f}"
            f"{', matched by onsets only' if match.by_onsets else ''}"
        )
    for name, reason in report.refused.items():
        console.print(f"[yellow]left out[/] {name}: {reason}")
    if report.shortage:
        console.print(f"[yellow]{report.shortage}[/]")
    print(f"{corpus.folder}: {corpus.description}")


@app.command(
    epilog=examples(
        "tfaudiogan convert corpora/piano --out corpora/small",
    )
)
def convert(
    data: Annotated[str, typer.Argument(metavar="CORPUS", help="Folder or URL of a corpus.")],
    out: Annotated[Path, typer.Option(help="Folder of the new corpus.")],
    format: Annotated[
        str, typer.Option(help="File format: flac or wav (lossless), ogg or mp3 (lossy).")
    ] = "flac",
    jobs: Jobs = None,
) -> None:
    """Convert a corpus to another file format."""
    from tfaudiogan.corpus.convert import convert_corpus
    from tfaudiogan.corpus.reading import Corpus

    corpus = convert_corpus(Corpus.load(data), out, format, jobs=jobs)
    print(f"{corpus.folder}: {corpus.description}")


@app.command(
    epilog=examples(
        "tfaudiogan degrade studio.wav phone.wav --preset old-phone",
    )
)
def degrade(
    recording: Annotated[Path, typer.Argument(metavar="IN", help="Audio file.")],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="File to write; its extension is the format.")
    ],
    preset: Annotated[
        str, typer.Option(help="Degradations: light, phone, old-phone, today or varied.")
    ] = "phone",
    seed: Seed = 0,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing output.")
    ] = False,
) -> None:
    """Degrade a recording as a phone would.

    This is what `render --task phone` does to its inputs. The output has one channel.
    """
    from tfaudiogan.making.phone import degrade_file

    if out.exists() and not overwrite:
        raise InputError(f"{out} exists; replace with --overwrite")
    chain = degrade_file(recording, out, preset=preset, seed=seed)
    print(f"{out}: mono, {len(chain.stages)} degradations")
    for stage in chain.to_settings():
        values = ", ".join(f"{name} {value}" for name, value in stage.items() if name != "stage")
        print(f"  {stage['stage']}: {values}")
