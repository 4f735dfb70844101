"""Handoff: which way of handing data from one Python worker to another, on this machine?

The rules stand in the order that data takes. What is measured stands in config/; the plan made from it,
the blocks that are whole already, and the order of the others come from scripts/handoff/schedule.py.
"""

import json
import logging
import sys
from pathlib import Path

from snakemake.utils import min_version

min_version("9.19")

# Where this file stands, whatever the working directory; relative if it can be, so that moving the whole
# project changes no input. source_path() would copy single files, and a script needs its library beside it.
HOUSE = Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).resolve()
HOUSE = HOUSE.relative_to(Path.cwd()) if HOUSE.is_relative_to(Path.cwd()) else HOUSE
if {"{", "}"}.intersection(str(HOUSE)):
    raise WorkflowError(f"Handoff must not lie in a folder with braces in its name, which are wildcards here: {HOUSE}")
sys.path.insert(0, str(HOUSE.resolve() / "scripts"))
from handoff.blocks import continued
from handoff.configuration import complete
from handoff.figures import FIGURES, figure_names
from handoff.mistakes import HandoffError
from handoff.scenarios import make_plan
from handoff.schedule import Schedule


# The captions of Snakemake's own report hold nothing of a config: reStructuredText can hold raw HTML.
report: "workflow/report/workflow.rst"


configfile: str(HOUSE / "config" / "config.yaml")


try:
    PLAN = continued(make_plan(complete(config), Path.cwd()))
    SCHEDULE = Schedule(PLAN, Path("results", PLAN.run))
except HandoffError as error:
    raise WorkflowError(str(error))
RUN = f"results/{PLAN.run}"
# A file a measuring job; where the nodes of a cluster measure (workflow/cluster.smk), a file a block.
MEASURED = [f"{RUN}/{file}" for file in SCHEDULE.measured]
DEADLOCK = [f"{RUN}/deadlock.json"] if "A6" in PLAN.experiments else []
# Of the steps before the first measurement: above every measuring job.
FIRST = len(SCHEDULE.jobs) + 1
CALIBRATION = [f"{RUN}/calibration.json", f"{RUN}/calibration.md"] if PLAN.calibrates else []


def script(name):
    """A step's command-line program."""
    return str(HOUSE / "scripts" / f"{name}.py")


def library(*rooms):
    """The files of the library that a step runs: editing one of them runs the step again."""
    return [str(HOUSE / "scripts" / "handoff" / file) for file in SCHEDULE.files(*rooms)]


# Hundreds of jobs that look alike say nothing; each measuring job prints a line of its own instead.
logging.getLogger("snakemake.logging").addFilter(
    lambda record: getattr(getattr(record, "event", None), "value", "") not in ("job_info", "job_started")
    and record.msg != "Select jobs to execute..."
)


wildcard_constraints:
    block=r"\d+",
    kind=r"[^/]+",
    strategy=r"[^/]+",


localrules:
    all,


rule all:
    input:
        f"{RUN}/report.html",
        f"{RUN}/recommendations.csv",
        # Also what lies behind the report: whatever is missing of it, or was damaged and deleted, is made again.
        [f"{RUN}/{table}.csv" for table in ("costs", "summary", "timings", "invocations")],
        [f"{RUN}/{name}.json" for name in ("plan", "recommendations", "effort", "health")],
        f"{RUN}/machines/{SCHEDULE.machine}.json",
        f"{RUN}/probes.json",
        [f"{RUN}/figures/{figure}.{form}" for figure in figure_names() for form in ("svg", "png", "json")],
        MEASURED,
        DEADLOCK,
        CALIBRATION,


rule write_plan:
    input:
        script=script("write_plan"),
    output:
        f"{RUN}/plan.json",
    log:
        f"{RUN}/logs/write_plan.log",
    priority: FIRST
    conda:
        "envs/handoff.yaml"
    params:
        # A function: in a plain string, braces in a user's path would be wildcards.
        plan=lambda wildcards: json.dumps(PLAN.to_json(), ensure_ascii=False),
    # printf is bash's own: as an argument of a program the plan could not be longer than 128 KiB.
    shell:
        "printf %s {params.plan:q} | python {input.script:q} --out {output:q} 2> {log:q}"


rule describe_machine:
    input:
        script=script("describe_machine"),
        library=library("machine.py", "provenance.py", "disturbances.py"),
    output:
        f"{RUN}/machines/{{machine}}.json",
    log:
        f"{RUN}/logs/describe_machine/{{machine}}.log",
    conda:
        "envs/handoff.yaml"
    shell:
        "python {input.script:q} --out {output:q} 2> {log:q}"


# {payload} is a file's name here: array-64MiB.npy.
rule generate_payload:
    input:
        script=script("generate_payload"),
        library=library("payloads"),
    output:
        data=f"{RUN}/payloads/{{payload}}",
        digest=f"{RUN}/payloads/{{payload}}.digest.json",
    log:
        f"{RUN}/logs/generate_payload/{{payload}}.log",
    wildcard_constraints:
        payload=r"[^/.]+\.[a-z]+",
    priority: FIRST
    conda:
        "envs/handoff.yaml"
    params:
        payload=lambda wildcards: SCHEDULE.payload_json(wildcards.payload),
        seed=PLAN.seed,
        # No input, as below; of a payload that is cut from a user's file.
        data=lambda wildcards: SCHEDULE.own_data(wildcards.payload),
    shell:
        """
        python {input.script:q} --payload {params.payload:q} --seed {params.seed} \
            --out {output.data:q} --digest {output.digest:q} 2>{log:q}
        """


# A user's own file stays where it is, and what a function of his returns is made anew by whoever needs it.
# {payload} is its name: it has no dot.
rule describe_payload:
    input:
        script=script("generate_payload"),
        library=library("payloads"),
    output:
        f"{RUN}/payloads/{{payload}}.digest.json",
    log:
        f"{RUN}/logs/describe_payload/{{payload}}.log",
    wildcard_constraints:
        payload=r"[^/.]+",
    priority: FIRST
    conda:
        "envs/handoff.yaml"
    params:
        payload=lambda wildcards: SCHEDULE.payload_json(wildcards.payload),
        seed=PLAN.seed,
        # No input: a file whose time lies in the future could be none, and nobody may change that of a user's own.
        data=lambda wildcards: SCHEDULE.own_data(wildcards.payload),
    shell:
        """
        python {input.script:q} --payload {params.payload:q} --seed {params.seed} --digest {output:q} 2>{log:q}
        """


rule probe_scenarios:
    input:
        script=script("probe_scenarios"),
        library=library("probes"),
        # Ancient: more blocks change the plan, and nothing that is asked here. By its name: ancient() marks what it is
        # given, so that rules.write_plan.output would be ancient for every other rule, too.
        plan=ancient(f"{RUN}/plan.json"),
        payloads=SCHEDULE.payload_files(RUN),
    output:
        f"{RUN}/probes.json",
    log:
        f"{RUN}/logs/probe_scenarios.log",
    # Before anything is measured: an obstacle is worth knowing before the time is spent.
    priority: FIRST
    conda:
        "envs/handoff.yaml"
    # All cores: it calls the user's function, and nothing may be measured meanwhile.
    threads: workflow.cores
    params:
        payloads=lambda wildcards: f"{RUN}/payloads",
        asked=lambda wildcards: SCHEDULE.own_questions,
    shell:
        """
        python {input.script:q} --plan {input.plan:q} --payloads {params.payloads:q} --out {output:q} >{log:q} 2>&1
        """


# The blocks of one start of the workflow hang on its campaign's file: a block that is not whole gets the new
# campaign, and with it a file that is newer than all its results.
rule begin_campaign:
    output:
        touch(f"{RUN}/campaigns/{{campaign}}"),
    log:
        f"{RUN}/logs/begin_campaign/{{campaign}}.log",
    conda:
        "envs/handoff.yaml"
    shell:
        "true 2> {log:q}"


rule measure_strategy:
    input:
        # Ancient: whether a block must be measured again is decided by its campaign alone. Snakemake's own
        # triggers know single jobs and would mix old and new ones in a block.
        script=ancient(script("measure_strategy")),
        block=lambda wildcards: SCHEDULE.block_files(RUN, wildcards.kind, wildcards.block, ancient),
    output:
        f"{RUN}/timings/{{kind}}/{{strategy}}/block~{{block}}.csv",
    log:
        f"{RUN}/logs/measure_strategy/{{kind}}/{{strategy}}/block~{{block}}.log",
    # A seeded shuffle of strategies within each block: drift of the machine must not line up with a strategy.
    priority: lambda wildcards: SCHEDULE.priority(wildcards.kind, wildcards.strategy, wildcards.block)
    conda:
        "envs/handoff.yaml"
    # All cores, whatever the strategy uses: nothing else may run while this is measured.
    threads: workflow.cores
    params:
        job=lambda wildcards: SCHEDULE.arguments(wildcards.kind, wildcards.strategy, wildcards.block),
        payloads=f"{RUN}/payloads",
    shell:
        """
        python {input.script:q} {params.job:q} --payloads {params.payloads:q} --out {output:q} 2> >(tee {log:q} >&2)
        """


rule collect_timings:
    input:
        script=script("collect_timings"),
        library=library("collection.py", "records.py"),
        plan=rules.write_plan.output,
        # What whole blocks have as ancient files. Were it not here, too, then Snakemake would leave out all that lies
        # behind it whenever it makes one of them again, and end well (snakemake/snakemake#4166).
        blocks=SCHEDULE.all_block_files(RUN),
        jobs=MEASURED,
    output:
        invocations=f"{RUN}/invocations.csv",
        timings=f"{RUN}/timings.csv",
    log:
        f"{RUN}/logs/collect_timings.log",
    conda:
        "envs/handoff.yaml"
    shell:
        """
        python {input.script:q} --plan {input.plan:q} \
            --invocations {output.invocations:q} --timings {output.timings:q} 2>{log:q}
        """


rule summarize_timings:
    input:
        script=script("summarize_timings"),
        library=library("summaries.py", "flags.py", "statistics.py", "effort.py", "contest.py"),
        plan=rules.write_plan.output,
        invocations=rules.collect_timings.output.invocations,
        timings=rules.collect_timings.output.timings,
    output:
        summary=report(
            f"{RUN}/summary.csv",
            caption="workflow/report/summary.rst",
            category="Tables",
            labels={"holds": "every strategy in every scenario"},
        ),
        effort=f"{RUN}/effort.json",
    log:
        f"{RUN}/logs/summarize_timings.log",
    conda:
        "envs/handoff.yaml"
    shell:
        """
        python {input.script:q} --plan {input.plan:q} --invocations {input.invocations:q} \
            --timings {input.timings:q} --out {output.summary:q} --effort {output.effort:q} 2>{log:q}
        """


rule check_health:
    input:
        script=script("check_health"),
        library=library("health", "words.py", "summaries.py", "statistics.py", "contest.py"),
        plan=rules.write_plan.output,
        invocations=rules.collect_timings.output.invocations,
        timings=rules.collect_timings.output.timings,
    output:
        f"{RUN}/health.json",
    log:
        f"{RUN}/logs/check_health.log",
    conda:
        "envs/handoff.yaml"
    shell:
        """
        python {input.script:q} --plan {input.plan:q} --invocations {input.invocations:q} \
            --timings {input.timings:q} --out {output:q} 2>{log:q}
        """


rule fit_costs:
    input:
        script=script("fit_costs"),
        library=library("costs.py", "cost_model.py", "regression.py", "statistics.py", "summaries.py", "words.py"),
        plan=rules.write_plan.output,
        invocations=rules.collect_timings.output.invocations,
        timings=rules.collect_timings.output.timings,
        machine=f"{RUN}/machines/{SCHEDULE.machine}.json",
    output:
        report(
            f"{RUN}/costs.csv",
            caption="workflow/report/costs.rst",
            category="Tables",
            labels={"holds": "what handing over costs, by strategy and kind of payload"},
        ),
    log:
        f"{RUN}/logs/fit_costs.log",
    conda:
        "envs/handoff.yaml"
    shell:
        """
        python {input.script:q} --plan {input.plan:q} --invocations {input.invocations:q} \
            --timings {input.timings:q} --machine {input.machine:q} --out {output:q} 2>{log:q}
        """


rule recommend_strategy:
    input:
        script=script("recommend_strategy"),
        library=library(
            "recommend.py",
            "advice.py",
            "contest.py",
            "costs.py",
            "cost_model.py",
            "regression.py",
            "statistics.py",
            "words.py",
        ),
        plan=rules.write_plan.output,
        invocations=rules.collect_timings.output.invocations,
        timings=rules.collect_timings.output.timings,
        summary=rules.summarize_timings.output.summary,
    output:
        json=f"{RUN}/recommendations.json",
        csv=report(
            f"{RUN}/recommendations.csv",
            caption="workflow/report/recommendations.rst",
            category="Tables",
            labels={"holds": "what to use in each scenario"},
        ),
        text=f"{RUN}/answer.txt",
    log:
        f"{RUN}/logs/recommend_strategy.log",
    conda:
        "envs/handoff.yaml"
    shell:
        """
        python {input.script:q} --plan {input.plan:q} --summary {input.summary:q} \
            --invocations {input.invocations:q} --timings {input.timings:q} \
            --out-json {output.json:q} --out-csv {output.csv:q} --out-text {output.text:q} 2>{log:q}
        """


rule plot_figure:
    input:
        script=script("plot_figure"),
        library=library(
            "figures",
            "words.py",
            "summaries.py",
            "statistics.py",
            "breakdown.py",
            "contest.py",
            "costs.py",
            "cost_model.py",
            "regression.py",
        ),
        plan=rules.write_plan.output,
        invocations=rules.collect_timings.output.invocations,
        timings=rules.collect_timings.output.timings,
        summary=rules.summarize_timings.output.summary,
        costs=rules.fit_costs.output,
    output:
        picture=report(
            f"{RUN}/figures/{{figure}}.svg",
            caption="workflow/report/figure.rst",
            category="Figures",
            labels=lambda wildcards: {"shows": FIGURES[wildcards.figure]},
        ),
        pixels=f"{RUN}/figures/{{figure}}.png",
        table=f"{RUN}/figures/{{figure}}.json",
    log:
        f"{RUN}/logs/plot_figure/{{figure}}.log",
    conda:
        "envs/handoff.yaml"
    shell:
        """
        python {input.script:q} --figure {wildcards.figure:q} --plan {input.plan:q} --summary {input.summary:q} \
            --timings {input.timings:q} --invocations {input.invocations:q} --costs {input.costs:q} \
            --out {output.picture:q} 2>{log:q}
        """


rule demonstrate_deadlock:
    input:
        script=script("demonstrate_deadlock"),
        library=library("deadlock.py", "programs"),
    output:
        f"{RUN}/deadlock.json",
    log:
        f"{RUN}/logs/demonstrate_deadlock.log",
    conda:
        "envs/handoff.yaml"
    threads: workflow.cores
    shell:
        "python {input.script:q} --out {output:q} 2> {log:q}"


rule measure_overhead:
    input:
        script=script("measure_overhead"),
        library=library("measure"),
    output:
        f"{RUN}/overhead.json",
    log:
        f"{RUN}/logs/measure_overhead.log",
    conda:
        "envs/handoff.yaml"
    threads: workflow.cores
    shell:
        "python {input.script:q} --out {output:q} > {log:q} 2>&1"


rule summarize_calibration:
    input:
        script=script("summarize_calibration"),
        library=library("calibration.py", "statistics.py", "summaries.py"),
        plan=rules.write_plan.output,
        invocations=rules.collect_timings.output.invocations,
        timings=rules.collect_timings.output.timings,
        overhead=rules.measure_overhead.output,
    output:
        json=f"{RUN}/calibration.json",
        page=f"{RUN}/calibration.md",
    log:
        f"{RUN}/logs/summarize_calibration.log",
    conda:
        "envs/handoff.yaml"
    shell:
        """
        python {input.script:q} --plan {input.plan:q} --invocations {input.invocations:q} --timings {input.timings:q} \
            --overhead {input.overhead:q} --out {output.json:q} --page {output.page:q} 2>{log:q}
        """


rule write_report:
    input:
        script=script("write_report"),
        library=library("report", "health", "advice.py", "words.py"),
        plan=rules.write_plan.output,
        invocations=rules.collect_timings.output.invocations,
        timings=rules.collect_timings.output.timings,
        summary=rules.summarize_timings.output.summary,
        recommendations=rules.recommend_strategy.output.json,
        health=rules.check_health.output,
        probes=rules.probe_scenarios.output,
        costs=rules.fit_costs.output,
        machine=f"{RUN}/machines/{SCHEDULE.machine}.json",
        figures=[f"{RUN}/figures/{figure}.svg" for figure in figure_names()],
        # Read from beside the pictures.
        tables=[f"{RUN}/figures/{figure}.json" for figure in figure_names()],
        deadlock=DEADLOCK,
    output:
        report(
            f"{RUN}/report.html",
            caption="workflow/report/report.rst",
            category="Answer",
            labels={"holds": "what to use, why, and how sure that is"},
        ),
    log:
        f"{RUN}/logs/write_report.log",
    conda:
        "envs/handoff.yaml"
    params:
        deadlock=["--deadlock", *DEADLOCK] if DEADLOCK else [],
    shell:
        """
        python {input.script:q} --plan {input.plan:q} --summary {input.summary:q} --timings {input.timings:q} \
            --invocations {input.invocations:q} --recommendations {input.recommendations:q} \
            --health {input.health:q} --probes {input.probes:q} --costs {input.costs:q} \
            --machine {input.machine:q} --figure {input.figures:q} {params.deadlock:q} \
            --out {output:q} 2>{log:q}
        """


onstart:
    try:
        SCHEDULE.begin()
    except HandoffError as error:
        raise WorkflowError(str(error))


onsuccess:
    print(SCHEDULE.closing())


onerror:
    print(SCHEDULE.hindrance())
