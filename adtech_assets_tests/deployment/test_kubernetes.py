"""The files for Kubernetes: the manifests by its schemas, the values by what Dagster makes of them.

The Job of a run is made by Dagster's own run launcher. What the chart makes is looked at where a
chart is: ADTECH_DAGSTER_CHART=/path/to/dagster, and `helm` on the PATH.
"""

import copy
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import dagster as dg
import kubernetes_validate
import pytest
import yaml
from dagster_k8s.container_context import K8sContainerContext
from dagster_k8s.job import construct_dagster_k8s_job
from dagster_k8s.launcher import K8sRunLauncher
from kubernetes import client

from adtech_assets.environment import PROJECT_DIR
from adtech_assets.settings import Settings

KUBERNETES = PROJECT_DIR / "deploy" / "kubernetes"
VERSIONS = "1.30", "1.36"
"""Of Kubernetes: an old one that is still about, and a new one."""

VALUES = yaml.safe_load((KUBERNETES / "values.yaml").read_text())
(CODE_LOCATION,) = VALUES["dagster-user-deployments"]["deployments"]
LAUNCHER = VALUES["runLauncher"]["config"]["k8sRunLauncher"]
PODS = {
    "code location": CODE_LOCATION,
    "webserver": VALUES["dagsterWebserver"],
    "daemon": VALUES["dagsterDaemon"],
}
COMPOSE = yaml.safe_load((PROJECT_DIR / "docker-compose.yml").read_text())["services"]
INSTANCE = yaml.safe_load((PROJECT_DIR / "deploy" / "dagster.yaml").read_text())

TEMPORARY = "/tmp"  # noqa: S108 - of the containers

CHART = os.environ.get("ADTECH_DAGSTER_CHART", "")
needs_chart = pytest.mark.skipif(
    not (CHART and shutil.which("helm")), reason="needs ADTECH_DAGSTER_CHART and helm"
)


def manifests(name):
    return list(yaml.safe_load_all((KUBERNETES / name).read_text()))


MANIFESTS = manifests("volume.yaml") + manifests("network-policy.yaml")
POLICIES = {policy["metadata"]["name"]: policy for policy in manifests("network-policy.yaml")}
(VOLUME,) = manifests("volume.yaml")


# ---- manifests -----------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest["metadata"]["name"])
def test_manifests_follow_the_schemas_of_kubernetes(manifest, version):
    kubernetes_validate.validate(manifest, version, strict=True)


def test_a_typo_in_a_manifest_would_be_found():
    broken = copy.deepcopy(MANIFESTS[1])
    broken["spec"]["policyType"] = broken["spec"].pop("policyTypes")
    with pytest.raises(kubernetes_validate.ValidationError, match="policyType"):
        kubernetes_validate.validate(broken, VERSIONS[-1], strict=True)


def test_the_volume_is_mounted_by_one_node():
    assert VOLUME["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_nobody_talks_to_anybody_unless_a_policy_says_so():
    default = POLICIES["adtech-default"]["spec"]
    assert default["podSelector"] == {}
    assert default["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in default
    assert {port["port"] for rule in default["egress"] for port in rule["ports"]} == {53}


def test_the_code_server_is_for_webserver_and_daemon():
    policy = POLICIES["adtech-code-location"]["spec"]
    (rule,) = policy["ingress"]
    assert policy["podSelector"]["matchLabels"] == {"component": "user-deployments"}
    (peer,) = rule["from"]
    (expression,) = peer["podSelector"]["matchExpressions"]
    assert expression["values"] == ["dagster-webserver", "dagster-daemon"]
    assert [port["port"] for port in rule["ports"]] == [CODE_LOCATION["port"]]
    (asked, _) = POLICIES["adtech-ask-the-code-server"]["spec"]["egress"]
    assert [port["port"] for port in asked["ports"]] == [CODE_LOCATION["port"]]


def test_the_ui_is_reached_through_the_ingress_controller_only():
    (rule,) = POLICIES["adtech-webserver"]["spec"]["ingress"]
    assert [set(peer) for peer in rule["from"]] == [{"namespaceSelector"}]
    assert [port["port"] for port in rule["ports"]] == [
        VALUES["dagsterWebserver"]["service"]["port"]
    ]


def test_every_pod_of_ours_may_ask_postgres():
    policy = POLICIES["adtech-postgres"]["spec"]
    (rule,) = policy["egress"]
    assert [port["port"] for port in rule["ports"]] == [VALUES["postgresql"]["service"]["port"]]
    for pod in (*PODS.values(), LAUNCHER):
        assert pod["labels"].items() >= policy["podSelector"]["matchLabels"].items()


# ---- the Job of a run ----------------------------------------------------------------------


def snake(name):
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


@pytest.fixture
def job(tmp_path):
    """What the launcher asks Kubernetes for, configured as the chart does it from the values."""
    nowhere = tmp_path / "kubeconfig"
    nowhere.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "test",
                "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
                "clusters": [{"name": "test", "cluster": {"server": "http://127.0.0.1:1"}}],
                "users": [{"name": "test", "user": {}}],
            }
        )
    )
    options = {
        snake(name): value
        for name, value in LAUNCHER.items()
        if name not in {"runK8sConfig", "envConfigMaps"}
    }
    launcher = K8sRunLauncher(
        **options
        | {"load_incluster_config": False, "kubeconfig_file": str(nowhere)}
        | {"env_config_maps": [entry["name"] for entry in LAUNCHER["envConfigMaps"]]},
        run_k8s_config={snake(name): value for name, value in LAUNCHER["runK8sConfig"].items()},
        service_account_name="adtech-dagster",
        instance_config_map="adtech-dagster-instance",
        dagster_home=VALUES["global"]["dagsterHome"],
        postgres_password_secret=VALUES["global"]["postgresqlSecretName"],
    )
    context = K8sContainerContext.create_for_run(
        dg.DagsterRun(job_name="daily_pipeline"), launcher, include_run_tags=False
    )
    made = construct_dagster_k8s_job(
        context.get_k8s_job_config("registry.example.com/adtech-assets:0.1.0", launcher),
        args=["dagster", "api", "execute_run"],
        job_name="dagster-run",
        user_defined_k8s_config=context.run_k8s_config,
    )
    return client.ApiClient().sanitize_for_serialization(made)


@pytest.fixture
def pod(job):
    return job["spec"]["template"]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_job_of_a_run_follows_the_schemas_of_kubernetes(job, version):
    kubernetes_validate.validate(job, version, strict=True)


def test_a_run_is_started_once(job):
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never"


def test_a_run_has_the_volume_and_a_place_for_what_is_temporary(pod):
    (container,) = pod["spec"]["containers"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    data = volumes[mounts["/var/lib/adtech"]]["persistentVolumeClaim"]
    assert data["claimName"] == VOLUME["metadata"]["name"]
    assert "emptyDir" in volumes[mounts[TEMPORARY]]


def test_a_run_knows_what_the_code_location_knows(pod):
    (container,) = pod["spec"]["containers"]
    given = {entry["name"]: entry for entry in container["env"]}
    assert given.items() >= {entry["name"]: entry for entry in CODE_LOCATION["env"]}.items()
    assert given["DAGSTER_HOME"]["value"] == VALUES["global"]["dagsterHome"]
    named = [source["configMapRef"]["name"] for source in container["envFrom"]]
    assert named == [entry["name"] for entry in CODE_LOCATION["envConfigMaps"]]


def test_a_run_has_its_own_resources(pod):
    (container,) = pod["spec"]["containers"]
    assert container["resources"] == LAUNCHER["resources"]
    assert CODE_LOCATION["includeConfigInLaunchedRuns"] == {"enabled": False}


def test_a_run_is_scheduled_beside_whatever_mounts_the_volume(pod):
    (term,) = pod["spec"]["affinity"]["podAffinity"][
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]
    assert term["topologyKey"] == "kubernetes.io/hostname"
    for labels in (pod["metadata"]["labels"], *(pod["labels"] for pod in PODS.values())):
        assert labels.items() >= term["labelSelector"]["matchLabels"].items()


def test_a_run_has_no_rights_that_it_does_not_need(pod):
    (container,) = pod["spec"]["containers"]
    assert pod["spec"]["securityContext"]["runAsNonRoot"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


# ---- values --------------------------------------------------------------------------------


@pytest.mark.parametrize("pod", PODS.values(), ids=PODS.keys())
def test_every_pod_has_resources_probes_volume_and_no_rights(pod):
    assert set(pod["resources"]) == {"requests", "limits"}
    assert {"livenessProbe", "startupProbe"} <= set(pod)
    assert pod["startupProbe"]["enabled"]
    launched = LAUNCHER["runK8sConfig"]["podSpecConfig"]
    assert pod["podSecurityContext"] == launched["securityContext"]
    assert pod["securityContext"] == LAUNCHER["securityContext"]
    assert pod["affinity"] == launched["affinity"]
    assert pod["volumes"] == LAUNCHER["volumes"]
    assert pod["volumeMounts"] == LAUNCHER["volumeMounts"]


def test_a_new_volume_gets_the_folders_of_the_image():
    (first,) = CODE_LOCATION["initContainers"]
    text = (PROJECT_DIR / "Dockerfile").read_text()
    folders = re.findall(r"ADTECH_\w+_DIR=(\S+)", text)
    assert first["command"] == ["mkdir", "-p", *(f for f in folders if f.startswith("/var/lib"))]
    image = CODE_LOCATION["image"]
    assert first["image"] == f"{image['repository']}:{image['tag']}"
    assert first["securityContext"] == LAUNCHER["securityContext"]


def test_all_pods_have_the_image_and_user_of_the_dockerfile():
    text = (PROJECT_DIR / "Dockerfile").read_text()
    (user, group) = re.findall(r"(?m)^USER (\d+):(\d+)$", text)[0]
    assert (
        CODE_LOCATION["podSecurityContext"].items()
        >= {
            "runAsUser": int(user),
            "runAsGroup": int(group),
        }.items()
    )
    assert len({json.dumps(pod["image"], sort_keys=True) for pod in PODS.values()}) == 1
    assert CODE_LOCATION["image"]["tag"] == importlib.metadata.version("adtech-assets")


def test_pods_are_probed_as_compose_does_it():
    assert (
        VALUES["dagsterDaemon"]["livenessProbe"]["exec"]["command"]
        == (COMPOSE["daemon"]["healthcheck"]["test"][1:])
    )
    webserver = VALUES["dagsterWebserver"]
    for probe in ("readinessProbe", "livenessProbe", "startupProbe"):
        assert webserver[probe]["httpGet"] == {
            "path": "/server_info",
            "port": webserver["service"]["port"],
        }
    # The chart asks the code server by `dagster api grpc-health-check`, if no command is given.
    assert all("exec" not in CODE_LOCATION[probe] for probe in ("readinessProbe", "livenessProbe"))


def test_the_code_server_is_started_as_in_compose():
    command = COMPOSE["code-location"]["command"]
    assert set(CODE_LOCATION["dagsterApiGrpcArgs"]) <= set(command)
    assert f"--port={CODE_LOCATION['port']}" in command


def test_the_instance_is_that_of_compose():
    monitoring = VALUES["dagsterDaemon"]["runMonitoring"]
    assert (
        INSTANCE["run_monitoring"].items()
        <= {snake(name): value for name, value in monitoring.items()}.items()
    )
    coordinator = VALUES["dagsterDaemon"]["runCoordinator"]["config"]["queuedRunCoordinator"]
    assert {snake(name): value for name, value in coordinator.items()} == (
        INSTANCE["concurrency"]["runs"]
    )
    assert VALUES["telemetry"] == INSTANCE["telemetry"]
    logs = VALUES["computeLogManager"]["config"]["customComputeLogManager"]
    assert logs == INSTANCE["compute_logs"]
    assert VALUES["additionalInstanceConfig"] == {
        name: INSTANCE[name] for name in ("local_artifact_storage", "nux")
    }
    # The chart wants to be told of ticks that are still going on, which stay in both.
    told = copy.deepcopy(VALUES["retention"])
    ticks = {
        kind: {"purge_after_days": told[kind]["purgeAfterDays"]} for kind in INSTANCE["retention"]
    }
    assert ticks["sensor"]["purge_after_days"].pop("started") == -1
    assert ticks == INSTANCE["retention"]
    stored = INSTANCE["storage"]["postgres"]["postgres_db"]
    assert VALUES["postgresql"]["postgresqlScheme"] == stored["scheme"]
    assert VALUES["postgresql"]["postgresqlDatabase"] == stored["db_name"]


def test_every_setting_named_exists():
    text = "".join(path.read_text() for path in KUBERNETES.iterdir())
    settings = {f"ADTECH_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"ADTECH_[A-Z_]*[A-Z]", text)) <= settings


def test_no_password_is_written_down():
    assert VALUES["generatePostgresqlPasswordSecret"] is False
    assert "postgresqlPassword" not in VALUES["postgresql"]
    secrets = [entry for entry in CODE_LOCATION["env"] if "PASSWORD" in entry["name"]]
    assert [set(entry) for entry in secrets] == [{"name", "valueFrom"}]
    text = (KUBERNETES / "values.yaml").read_text()
    assert not re.search(r"://\w+:[^$/@]*@", text)


# ---- the chart -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """What the chart makes of the values, those checked by the chart's own schema."""
    chart = tmp_path_factory.mktemp("chart") / "dagster"
    shutil.copytree(CHART, chart)
    definitions = Path(kubernetes_validate.__file__).parent / (
        f"kubernetes-json-schema/v{VERSIONS[0]}.0-local/_definitions.json"
    )
    for schema in chart.rglob("values.schema.json"):
        # The chart's schema looks Kubernetes' definitions up in the web.
        text = schema.read_text()
        schema.write_text(
            re.sub(
                r"https://[\w./-]+/_definitions\.json#/definitions",
                f"{definitions.as_uri()}#/$defs",
                text,
            )
        )
    done = subprocess.run(
        ["helm", "template", "adtech", chart, "-f", KUBERNETES / "values.yaml"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [manifest for manifest in yaml.safe_load_all(done.stdout) if manifest]


@needs_chart
@pytest.mark.parametrize("version", VERSIONS)
def test_what_the_chart_makes_follows_the_schemas_of_kubernetes(rendered, version):
    for manifest in rendered:
        kubernetes_validate.validate(manifest, version, strict=False)


@needs_chart
def test_policies_find_the_pods_of_the_chart(rendered):
    labels = {
        manifest["spec"]["template"]["metadata"]["labels"]["component"]
        for manifest in rendered
        if manifest["kind"] == "Deployment"
    }
    assert labels == {"user-deployments", "dagster-webserver", "dagster-daemon"}


@needs_chart
def test_only_the_volume_and_tmp_are_written_to(rendered):
    for manifest in rendered:
        if manifest["kind"] == "Deployment":
            (container,) = manifest["spec"]["template"]["spec"]["containers"]
            assert container["securityContext"]["readOnlyRootFilesystem"]
            mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
            assert mounted >= {TEMPORARY, "/var/lib/adtech"}
