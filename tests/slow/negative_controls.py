#!/usr/bin/env python3
"""Plants bugs in the CUDA kernels, one at a time, and shows which test sees each.

A bug is a change of the shipped PTX, made while the emulated driver loads it, so nothing is compiled again; or a launch too
many; or a mistake of a host program, each a test of its own. A control that no test sees fails the script, and so do a test
that fails without a bug and a kind of bug without a control. The table says kind, bug, kernel, test, and what was told.

usage: negative_controls.py [NAME ...]   only controls whose name contains one of the names
"""
import json
import os
import subprocess
import sys

# An access that changes no result, before the end of a kernel: what a layout that is worse would cost.
SPILL = (
    "{ .local .align 4 .b8 spilled[4]; .reg .b32 %spilled<2>; mov.u32 %spilled1, 1;\n"
    "st.local.u32 [spilled], %spilled1; ld.local.u32 %spilled1, [spilled]; } ret;"
)
SCATTER = (
    "{ .reg .b32 %scatter<3>; .reg .b64 %to<4>; .reg .pred %inside; ld.param.u32 %scatter1, [adam_norm_param_0];\n"
    "setp.lt.u32 %inside, %scatter1, 1024; @%inside bra DONE; ld.param.u64 %to1, [adam_norm_param_1];\n"
    "mov.u32 %scatter2, %laneid; mul.wide.u32 %to2, %scatter2, 32; add.s64 %to3, %to1, %to2;\n"
    "ld.global.u32 %scatter2, [%to3]; } DONE: ret;"
)
CONFLICT = (
    "{ .reg .b32 %bank<3>; mov.u32 %bank1, %laneid; and.b32 %bank1, %bank1, 7; shl.b32 %bank1, %bank1, 7;\n"
    "bar.sync 0; ld.shared.u32 %bank2, [%bank1]; } ret;"
)

# Lanes of a block in another order: each still does its part, but neighbours are no longer side by side.
SHUFFLED = (
    "mov.u32 %r{0}, %tid.x; {{ .reg .b32 %turn<3>; and.b32 %turn1, %r{0}, 7; shl.b32 %turn1, %turn1, 4;\n"
    "shr.u32 %turn2, %r{0}, 3; or.b32 %r{0}, %turn1, %turn2; }}"
)
HALF = (
    "{ .reg .pred %half; .reg .b32 %own; mov.u32 %own, %laneid; setp.lt.u32 %half, %own, 16;\n"
    "@%half bar.sync 0; }"
)

SWAP = tuple(
    ",\n\t".join(f".param .u64 adam_norm_param_{index}" for index in order) for order in [(1, 2), (2, 1)]
)

# What is wrong, kernel, text in its body, what stands there instead, which occurrence (None: all), test.
CONTROLS = [
    ("barrier missing before a tree of sums", "adam_norm", "bar.sync \t0;", "", 0, "every_device::adam"),
    ("barrier missing within a tree of minima", "sample_priority", "bar.sync \t0;", "", 1, "every_device::sample"),
    ("barrier in divergent code", "td_summary", "bar.sync \t0;", HALF, 0, "every_device::td"),
    ("barrier missing after filling a slab", "gemm_forward_32", "bar.sync \t0;", "", 0, "every_device::products::linear"),
    ("barrier missing before refilling a slab", "gemm_forward_32", "bar.sync \t0;", "", 1, "every_device::products::linear"),
    ("barrier missing in the products of the chosen", "linear_chosen", "bar.sync \t0;", "", 0, "every_device::products::linear_chosen"),
    ("barrier missing between tile and sum", "td_summary", "bar.sync \t0;", "", 0, "every_device::td"),
    ("barrier missing before the next tile", "td_summary", "bar.sync \t0;", "", 1, "every_device::td"),
    ("barrier missing between tile and row sums", "dueling", "bar.sync \t0;", "", 0, "every_device::dueling"),
    ("barrier missing before the largest priority", "prioritise", "bar.sync \t0;", "", 0, "every_device::sample"),
    ("race: a thread of the next half adds too", "prioritise", "setp.ge.u32", "setp.gt.u32", 0, "every_device::sample"),
    ("one thread too many", "adam", "setp.ge.u32", "setp.gt.u32", 0, "every_device::adam"),
    ("one warp too many", "choose", "setp.ge.u32", "setp.gt.u32", 0, "every_device::choose"),
    ("one transition too many", "td", "setp.ge.u32", "setp.gt.u32", 0, "every_device::td"),
    ("one action too many", "factored", "setp.ge.u32", "setp.gt.u32", 0, "every_device::factored"),
    ("one number too many", "newest", "setp.ge.u32", "setp.gt.u32", 0, "every_device::sample"),
    ("columns of a tile beyond the matrix", "gemm_forward_32", "setp.ge.u32", "setp.gt.u32", 0, "every_device::products::linear"),
    ("half a warp in the member mask", "choose", ", -1;", ", 65535;", 0, "every_device::choose"),
    ("butterfly with the wrong distance", "td", ", 16;", ", 8;", 0, "every_device::td"),
    ("ties to the highest index", "choose", "setp.lt.u32", "setp.gt.u32", 1, "every_device::choose"),
    ("terminal states bootstrap", "td", "setp.eq.f32", "setp.nan.f32", 0, "every_device::td"),
    ("gradient has the other sign", "td", "sub.rn.f32", "add.rn.f32", 0, "every_device::td"),
    ("no epsilon beside the norm", "adam_factors", "0f358637BD", "0f00000000", 0, "every_device::adam"),
    ("second moment without its root", "adam", "sqrt.rn.f32", "abs.f32", 0, "every_device::adam"),
    ("a round of Philox with another constant", "sample_uniform", "-766435501", "-766435503", 0, "every_device::sample"),
    ("of equal picks the first writes", "prioritise", "atom.global.max.u64", "atom.global.min.u64", 0, "every_device::sample"),
    ("where an episode begins counts too", "raise_multiplier", "setp.eq.s16", "setp.ne.s16", 0, "every_device::catalogues::multiplier"),
    ("a price without its sign", "charge", "sub.rn.f32", "add.rn.f32", 0, "every_device::catalogues::multiplier"),
    ("the worst candidate instead of the best", "best_candidate", "setp.gt.f32", "setp.lt.f32", 0, "every_device::catalogues::towers"),
    ("closed items are drawn", "choose_slate", "setp.neu.f32", "setp.ge.f32", 0, "every_device::slates::slate"),
    ("the list that earns least", "choose_slate", "setp.leu.f32", "setp.geu.f32", 1, "every_device::slates::slate"),
    ("a probability and not its complement", "slate", "setp.gt.f32", "setp.lt.f32", 0, "every_device::slates::slate"),
    ("sum instead of mean", "dueling", "div.rn.f32", "mul.rn.f32", 0, "every_device::dueling"),
    ("vector load that is misaligned", "gemm_inputs_32", "+144]", "+148]", 0, "every_device::products::linear"),
    ("result of the next slab row", "gemm_weights_32", "+144]", "+288]", 0, "every_device::products::linear"),
    ("argument list out of step", "adam_norm", SWAP[0], SWAP[1], 0, "every_device::adam"),
    ("division of a fast-math compiler", "adam", "div.rn.f32", "div.approx.f32", 0, "every_device::adam"),
    ("product that an assembler may contract", "adam", "mul.rn.f32", "mul.f32", 0, "every_device::adam"),
    ("bias of the wrong column beside a fast product", "linear_finish", "rem.u32", "div.u32", 0, "every_device::products::products_by_cublas"),
    ("ReLU of a fast product the other way", "linear_finish", "setp.gt.f32", "setp.lt.f32", 0, "every_device::products::products_by_cublas"),
    ("one instruction more", "td", "ret;", "membar.gl; ret;", 0, "counts"),
    ("an array in local memory", "newest", "ret;", SPILL, 0, "counts"),
    ("a load that is not coalesced", "adam_norm", "ret;", SCATTER, 0, "counts"),
    ("threads of a block in another order", "adam", "mov.u32 \t%r13, %tid.x;", SHUFFLED.format(13), 0, "counts"),
    ("a bank conflict and a barrier more", "adam_norm", "ret;", CONFLICT, 0, "counts"),
]

# A launch too many of a kernel that may run twice, so that no result shows it.
TWICE = [
    ("launch too many in an update", "adam_norm", "counts"),
    ("launch too many in a layer", "gemm_forward_32", "counts"),
]

# Mistakes of a host program; each test is one, and asserts that it comes to light.
HOST = [
    ("result read before the stream was waited for", "reading_pinned_memory_before_the_stream_was_waited_for_finds_the_old_numbers"),
    ("staging memory overwritten before the copy ran", "overwriting_pinned_memory_before_the_copy_ran_sends_the_new_numbers"),
    ("another stream not waited for", "another_stream_does_not_wait_by_itself"),
    ("graph replayed after its buffer was dropped", "a_graph_whose_buffer_is_gone_is_a_fault"),
    ("count larger than the buffer", "a_fault_stays_until_the_reset"),
    ("waits, allocations and other streams in a capture", "captures_follow_the_rules"),
    ("blocks and shared memory beyond the limits", "launches_that_no_device_takes_are_refused"),
    ("first product of cuBLAS captured, or without a workspace", "captured_products_need_a_workspace_and_a_first_product"),
    ("copy past the end, free of no allocation", "copies_past_the_end_and_double_frees_are_refused"),
]

# Kinds of bugs, and words of the controls that are of the kind. What has none of them is a wrong formula.
KINDS = {
    "missing barrier": ["barrier missing"],
    "divergent barrier": ["divergent code"],
    "off by one": ["too many", "beyond the matrix", "next slab row", "larger than the buffer", "past the end"],
    "wrong mask": ["member mask", "wrong distance"],
    "race": ["race:"],
    "uncoalesced": ["not coalesced", "another order"],
    "bank conflict": ["bank conflict"],
    "spill": ["local memory"],
    "extra launch": ["launch too many"],
    "extra instruction": ["instruction more"],
    "missing sync": ["waited for", "before the copy ran"],
    "use after free": ["was dropped"],
    "arguments": ["out of step", "misaligned"],
    "driver rules": ["in a capture", "captured, or", "beyond the limits"],
    "wrong formula": [],
}


def kind(what):
    """The kind of a bug."""
    for name, words in KINDS.items():
        if any(word in what for word in words) and not (name == "off by one" and "launch" in what):
            return name
    return "wrong formula"


def built():
    """The paths of the test programs by their names. Asked for as `cargo test` asks, so that what it built is used."""
    command = ["cargo", "test", "--quiet", "--no-run", "--message-format=json"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    messages = [message for message in map(json.loads, lines) if message.get("profile", {}).get("test")]
    return {message["target"]["name"]: message["executable"] for message in messages if message.get("executable")}


def run(program, tests, **planted):
    """Whether tests pass with these variables, and what the first failure says."""
    variables = dict(os.environ, RUST_BACKTRACE="0", **planted)
    result = subprocess.run([program, *tests], env=variables, capture_output=True, text=True)
    text = (result.stdout + result.stderr).splitlines()
    if not any(line.startswith("test result") for line in text):
        text.append("the program ended before its tests did")
    told = [line for line in text if line.startswith(("emulated CUDA:", "  left:")) or " was " in line]
    told += [line for i, line in enumerate(text) if i > 0 and "panicked at" in text[i - 1]]
    failed = result.returncode != 0
    return not failed, told[0][:110] if told else ""


def main():
    wanted = sys.argv[1:]
    programs = built()
    programs["every_device"] = programs["mercato_kernels"]
    missed = []
    for name in ["every_device", "counts", "rules"]:
        passes, told = run(programs[name], ["every_device::"] if name == "every_device" else [])
        print(f"{'passes' if passes else 'FAILS'}\twithout a bug\t{name}\t{told if not passes else ''}", flush=True)
        if not passes:
            missed.append(f"{name} without a bug")
    for what, kernel, find, replace, number, test in CONTROLS:
        if wanted and not any(name in what for name in wanted):
            continue
        mutation = "|".join([kernel, find, replace] + ([] if number is None else [str(number)]))
        passes, told = run(
            programs[test.split("::")[0]], [test] if "::" in test else [], MERCATO_EMULATOR_MUTATION=mutation
        )
        empty = "MERCATO_EMULATOR_MUTATION" in told
        print(f"{'EMPTY' if empty else 'MISSED' if passes else 'seen'}\t{kind(what)}\t{what} ({kernel})\t{test}\t{told}", flush=True)
        if passes or empty:
            missed.append(what)
    for what, kernel, test in TWICE:
        if wanted and not any(name in what for name in wanted):
            continue
        passes, told = run(programs[test], [], MERCATO_EMULATOR_TWICE=kernel)
        print(f"{'MISSED' if passes else 'seen'}\t{kind(what)}\t{what} ({kernel})\t{test}\t{told}", flush=True)
        if passes:
            missed.append(what)
    for what, test in HOST:
        if wanted and not any(name in what for name in wanted):
            continue
        passes, told = run(programs["rules"], ["--exact", test])
        print(f"{'seen' if passes else 'MISSED'}\t{kind(what)}\t{what} (host)\t{test}\t{told}", flush=True)
        if not passes:
            missed.append(what)
    planted = [row[0] for row in CONTROLS + TWICE + HOST]
    for name in KINDS:
        count = sum(kind(what) == name for what in planted)
        print(f"{count}\t{name}")
        if count == 0:
            missed.append(f"no control is of the kind: {name}")
    print(f"{len(missed)} missed of {len(planted)}: {missed}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
