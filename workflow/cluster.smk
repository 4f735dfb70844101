"""Handoff on the nodes of a cluster: the same workflow, in which a block is one job on one node.

For profiles/slurm. Everything else is the Snakefile's. docs/clusters.md tells how, and what stays whole.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.current_basedir.get_path_or_uri(secret_free=True)).resolve().parent / "scripts"))
from handoff import provenance

# Both reach the nodes in the jobs' environment: there the same plan is made, and the same campaign is meant.
provenance.share(cores=workflow.cores)


include: "../Snakefile"


# An included file's first rule is not the default target.
workflow.default_target = "all"


# What is the same everywhere, or reads what lies in the shared folder, runs where the workflow was started.
localrules:
    write_plan,
    write_config,
    describe_nodes,
    begin_campaign,
    generate_payload,
    describe_payload,
    collect_timings,
    summarize_timings,
    check_health,
    fit_costs,
    recommend_strategy,
    plot_figure,
    summarize_calibration,
    write_report,


# {machine} may be `nodes`, too.
ruleorder: describe_nodes > describe_machine


# A node makes the plan anew, of this: of what --configfile and --config were given here.
rule write_config:
    input:
        script=script("write_plan"),
    output:
        f"{RUN}/config.json",
    log:
        f"{RUN}/logs/write_config.log",
    priority: FIRST
    conda:
        "../envs/handoff.yaml"
    params:
        config=lambda wildcards: json.dumps(complete(config), ensure_ascii=False),
    shell:
        "printf %s {params.config:q} | python {input.script:q} --out {output:q} 2> {log:q}"


rule measure_block:
    input:
        # Ancient for the reason that measure_strategy has: the campaign alone decides.
        script=ancient(script("measure_block")),
        plan=ancient(f"{RUN}/plan.json"),
        config=ancient(f"{RUN}/config.json"),
        block=lambda wildcards: SCHEDULE.block_files(RUN, wildcards.kind, wildcards.block, ancient),
    output:
        f"{RUN}/blocks/{{kind}}/block~{{block}}.json",
    log:
        f"{RUN}/logs/measure_block/{{kind}}/block~{{block}}.log",
    # In the order of the blocks: an early end leaves whole rounds.
    priority: lambda wildcards: len(SCHEDULE.blocks) - list(SCHEDULE.blocks).index((wildcards.kind, int(wildcards.block)))
    conda:
        "../envs/handoff.yaml"
    # A node for itself.
    threads: workflow.cores
    resources:
        runtime=lambda wildcards: SCHEDULE.minutes(wildcards.kind, wildcards.block),
        slurm_extra=lambda wildcards: f"--exclusive {SCHEDULE.nodelist(wildcards.kind, wildcards.block)}".strip(),
    params:
        # Inside an environment of conda's the jobs' Python has no Snakemake.
        python=sys.executable,
    shell:
        """
        python {input.script:q} --plan {input.plan:q} --config {input.config:q} --python {params.python:q} \
            --kind {wildcards.kind:q} --block {wildcards.block} 2> >(tee {log:q} >&2)
        """


rule describe_nodes:
    input:
        script=script("describe_nodes"),
        library=library("nodes.py", "machine.py"),
        blocks=MEASURED,
    output:
        f"{RUN}/machines/{{machine}}.json",
    log:
        f"{RUN}/logs/describe_nodes/{{machine}}.log",
    wildcard_constraints:
        machine="nodes",
    conda:
        "../envs/handoff.yaml"
    shell:
        "python {input.script:q} --block {input.blocks:q} --out {output:q} 2> {log:q}"
