"""Commands that make corpora, and what they are made of."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from tfaudiogan.commands.options import Jobs, OverwriteCorpus, Rate, Seed
from tfaudiogan.errors import InputError
from tfaudiogan.progress import console

app = typer.Typer()

_MOST_REFUSALS = 20


def _controls(expressions: list[str]) -> tuple[tuple[int, ...], tuple[tuple[int, int], ...]]:
    """Controllers to leave out, and those to fix with their values."""
    removed, fixed = [], []
    for expression in expressions:
        number, equals, value = expression.partition("=")
        try:
            if equals:
                fixed.append((int(number), int(value)))
            else:
                removed.append(int(number))
        except ValueError as error:
            raise InputError(f"controller {expression!r}; expected 64, or 64=0") from error
    return tuple(removed), tuple(fixed)


def _numbers(expression: str | None, option: str = "--tracks") -> int | dict[str, int] | None:
    """One number, or one for each split: ``20``; or of those named: ``train=30,test=5``."""
    if expression is None:
        return None
    try:
        if "=" not in expression:
            return int(expression)
        parts = (part.split("=") for part in expression.split(","))
        return {split.strip(): int(number) for split, number in parts}
    except ValueError as error:
        raise InputError(f"{option} {expression!r}; expected 20, or train=30,test=5") from error


def _print_report(corpus, report) -> None:
    refused = list(report.refused.items())
    for name, reason in refused[:_MOST_REFUSALS]:
        console.print(f"[yellow]left out[/] {name}: {reason}")
    if len(refused) > _MOST_REFUSALS:
        console.print(f"[yellow]left out[/] {len(refused) - _MOST_REFUSALS} more")
    print(
        f"{len(report.rendered)} rendered, {len(report.skipped)} there already, "
        f"{len(report.refused)} left out\n{corpus.folder}: {corpus.description}"
    )


def _playing(soundfonts, programs, excluded, shares):
    """How excerpts are played; ``None`` where no soundfont is given."""
    from tfaudiogan.making.playing import Playing
    from tfaudiogan.making.soundfonts import choose_soundfonts

    if not soundfonts:
        return None
    return Playing(choose_soundfonts(soundfonts, programs or (), excluded or ()), **shares)


def _name_default_soundfont(midi, soundfonts) -> None:
    """Say which soundfont is used where none is given: it may be one that is meant for testing."""
    if midi is not None and not soundfonts:
        from tfaudiogan.making.synthesis import find_soundfont

        console.print(f"soundfont: {find_soundfont()}", soft_wrap=True, markup=False)


@app.command(
    epilog="Examples: [b]tfaudiogan render --midi maestro-v3.0.0 --out corpora/piano[/]   "
    "[b]... --tracks 20[/]   [b]... --beam '--runner=FlinkRunner --flink_master=HOST:8081'[/]"
)
def render(
    out: Annotated[Path, typer.Option(help="The corpus's folder; continued if it is there.")],
    midi: Annotated[
        Path | None, typer.Option(help="Folder of MIDI, in the MAESTRO layout or any other.")
    ] = None,
    audio: Annotated[
        Path | None, typer.Option(help="Folder of clean recordings, for phone and superres.")
    ] = None,
    task: Annotated[str, typer.Option(help="instrument, phone or superres.")] = "instrument",
    input_program: Annotated[
        int, typer.Option(help="General MIDI program of the input, from 0.")
    ] = 4,
    target_program: Annotated[
        int, typer.Option(help="General MIDI program of the target, from 0.")
    ] = 0,
    input_velocity: Annotated[
        int | None, typer.Option(help="One velocity for all notes of the input, 1 to 127.")
    ] = None,
    target_velocity: Annotated[
        int | None, typer.Option(help="One velocity for all notes of the target, 1 to 127.")
    ] = None,
    input_control: Annotated[
        list[str] | None,
        typer.Option(help="Controller of the input: 64 leaves it out, 64=0 fixes it; repeatable."),
    ] = None,
    target_control: Annotated[
        list[str] | None,
        typer.Option(help="Controller of the target: 64 leaves it out, 64=0 fixes it; repeatable."),
    ] = None,
    soundfont: Annotated[
        list[Path] | None,
        typer.Option(
            help="SF2 or SF3 file; several for phone and superres. Excerpts have no default; one "
            "that is given twice is drawn twice as often."
        ),
    ] = None,
    sample_rate: Rate = 44100,
    preset: Annotated[
        list[str] | None,
        typer.Option(
            "--preset",
            "--degradation",
            help="Degradations of the phone task: light, phone, old-phone, today or varied; "
            "several are mixed, with light=2 for twice the share.  [default: phone]",
        ),
    ] = None,
    rooms: Annotated[
        Path | None,
        typer.Option(help="Folder of recorded impulse responses of rooms, for today and varied."),
    ] = None,
    microphones: Annotated[
        Path | None,
        typer.Option(help="Folder of recorded impulse responses of microphones and other devices."),
    ] = None,
    noises: Annotated[Path | None, typer.Option(help="Folder of recorded noises.")] = None,
    excerpts: Annotated[
        str | None,
        typer.Option(
            help="For phone: so many excerpts, each with draws of its own, in place of whole "
            "tracks: 12000 (of which 90 % train), or train=12000,validation=300."
        ),
    ] = None,
    seconds: Annotated[float, typer.Option(help="Length of an excerpt.")] = 6.0,
    timbre: Annotated[
        bool, typer.Option(help="Put both sides of an excerpt through one random equalizer.")
    ] = True,
    programs: Annotated[
        list[str] | None,
        typer.Option(
            help="Programs for excerpts, from 0, as in 0-11,13-95; for one of the soundfonts with "
            "its name, as in TimGM6mb=0-7; repeatable.  [default: all with pitches]"
        ),
    ] = None,
    exclude_programs: Annotated[
        list[str] | None, typer.Option(help="Programs to leave out, likewise.")
    ] = None,
    validation_soundfont: Annotated[
        list[Path] | None,
        typer.Option(help="SF2 or SF3 file for the excerpts of validation and test; repeatable."),
    ] = None,
    validation_programs: Annotated[
        list[str] | None, typer.Option(help="Programs for validation and test.")
    ] = None,
    piano: Annotated[float, typer.Option(help="Share of excerpts played by a piano.")] = 0.4,
    ensemble: Annotated[
        float, typer.Option(help="Share of excerpts that two programs and drums play.")
    ] = 0.25,
    ratio: Annotated[
        int, typer.Option(help="Ratio of the sample rates in the superres task: 2, 4 or 6.")
    ] = 4,
    variants: Annotated[
        int,
        typer.Option(
            help="Pairs of each track, with draws of their own, for phone and superres.", min=1
        ),
    ] = 1,
    tracks: Annotated[
        str | None,
        typer.Option(
            help="At most so many tracks of each split: 20, or train=30,test=5; a split that is "
            "not named is whole."
        ),
    ] = None,
    overwrite: OverwriteCorpus = False,
    jobs: Jobs = None,
    beam: Annotated[
        str | None,
        typer.Option(
            help="Render by an Apache Beam pipeline of these options, as in "
            '"--runner=FlinkRunner --flink_master=HOST:8081"; its workers must see all paths.'
        ),
    ] = None,
    seed: Seed = 0,
) -> None:
    """Make a corpus of pairs: the same music as it sounds, and as it should sound."""
    common = {"sample_rate": sample_rate, "jobs": jobs, "tracks": _numbers(tracks)}
    common["overwrite"] = overwrite
    if beam is not None:
        common["beam"] = shlex.split(beam)
        out, midi, audio = (path and path.absolute() for path in (out, midi, audio))
        soundfont = [path.absolute() for path in soundfont or ()]
        validation_soundfont = [path.absolute() for path in validation_soundfont or ()]
    drawn = {"seed": seed, "variants": variants, "soundfonts": tuple(soundfont or ())}
    source = midi or audio
    if (midi is None) == (audio is None) or source is None:
        raise InputError("give one source: --midi DIR, or --audio DIR for phone and superres")
    if excerpts is not None and task != "phone":
        raise InputError(f"--excerpts are for the phone task, not {task}")
    if task == "instrument":
        from tfaudiogan.making.instrument import render_corpus
        from tfaudiogan.making.midi import Transformation

        if midi is None:
            raise InputError("the instrument task renders MIDI; give --midi DIR")
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
            raise InputError(f"{len(soundfont)} soundfonts; the instrument task takes one")
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

            _name_default_soundfont(midi, soundfont)
            corpus, report = render_phone(
                source, out, preset=presets, recordings=recordings, **drawn, **common
            )
        else:
            if tracks is not None or variants != 1:
                raise InputError("--excerpts come from all tracks; leave out --tracks, --variants")
            from tfaudiogan.making.excerpts import render_excerpts

            del common["tracks"]
            shares = {"piano": piano, "ensemble": ensemble}
            playing = _playing(soundfont, programs, exclude_programs, shares)
            validation = None
            if validation_soundfont or validation_programs:
                validation = _playing(
                    validation_soundfont or soundfont,
                    validation_programs or programs,
                    [] if validation_soundfont else exclude_programs,
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

        _name_default_soundfont(midi, soundfont)
        corpus, report = render_superres(source, out, ratio=ratio, **drawn, **common)
    else:
        raise InputError(f"unknown task {task!r}; choose instrument, phone or superres")
    _print_report(corpus, report)


@app.command(
    epilog="Example: [b]tfaudiogan pairs --input phone --target studio --out corpora/own[/]"
)
def pairs(
    input: Annotated[Path, typer.Option(help="Folder of recordings as they sound.")],
    target: Annotated[
        Path,
        typer.Option(help="Folder of the same recordings as they should sound, of the same names."),
    ],
    out: Annotated[Path, typer.Option(help="The corpus's folder.")],
    sample_rate: Rate = 44100,
    aligned: Annotated[
        bool, typer.Option("--aligned", help="They are aligned to the sample already.")
    ] = False,
    overwrite: OverwriteCorpus = False,
    jobs: Jobs = None,
) -> None:
    """Make a corpus of your own recordings: match, align and split them."""
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
            f"{', by onsets only' if match.by_onsets else ''}"
        )
    for name, reason in report.refused.items():
        console.print(f"[yellow]left out[/] {name}: {reason}")
    if report.shortage:
        console.print(f"[yellow]{report.shortage}[/]")
    print(f"{corpus.folder}: {corpus.description}")


@app.command(epilog="Example: [b]tfaudiogan convert corpora/piano --out corpora/small[/]")
def convert(
    data: Annotated[str, typer.Argument(metavar="CORPUS", help="Folder, or URL.")],
    out: Annotated[Path, typer.Option(help="Folder of the new corpus.")],
    format: Annotated[
        str, typer.Option(help="flac or wav, which lose nothing, ogg or mp3.")
    ] = "flac",
    jobs: Jobs = None,
) -> None:
    """Write a corpus in another file format, to train from as from the first."""
    from tfaudiogan.corpus.convert import convert_corpus
    from tfaudiogan.corpus.reading import Corpus

    corpus = convert_corpus(Corpus.load(data), out, format, jobs=jobs)
    print(f"{corpus.folder}: {corpus.description}")


@app.command(epilog="Example: [b]tfaudiogan degrade studio.wav phone.wav --preset old-phone[/]")
def degrade(
    recording: Annotated[Path, typer.Argument(metavar="IN", help="Audio file.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Format by extension.")],
    preset: Annotated[
        str, typer.Option(help="light, phone, old-phone, today or varied.")
    ] = "phone",
    seed: Seed = 0,
) -> None:
    """Make a recording sound as if taken by a phone, to hear what the phone task learns from."""
    from tfaudiogan.making.phone import degrade_file

    chain = degrade_file(recording, out, preset=preset, seed=seed)
    print(f"{out}: {chain}")
