//! The processes of the node: what each is started with, and how it says that it is ready.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use serde_json::json;

use super::builds::Programs;
use super::place::{API_PORT, DNS_SERVICE, NAME, NODE, NODE_NAME, PODS, Place, SERVICES};
use crate::probe::answers;

/// Where containerd listens. `/run` is the node's own.
pub(crate) const CONTAINERD: &str = "/run/containerd/containerd.sock";
/// The image of the pod's first process.
pub(crate) const PAUSE_IMAGE: &str = "lab.local/pause:1";

/// A process of the node.
pub(crate) struct Component {
    /// Its name, and that of its log.
    pub(crate) name: &'static str,
    program: PathBuf,
    args: Vec<String>,
    ready: Ready,
}

/// How a component says that it is ready.
enum Ready {
    /// A path that is answered with 200 on a port of the loopback.
    Http(u16, &'static str),
    /// A command that succeeds.
    Command(Vec<String>),
    /// Nothing waits for it.
    AtOnce,
}

impl Component {
    /// The command, its output in the log.
    pub(crate) fn command(&self, place: &Place) -> Result<Command> {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(place.log(self.name)?)?;
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(command)
    }

    /// Whether it is ready.
    pub(crate) fn is_ready(&self) -> bool {
        match &self.ready {
            Ready::Http(port, path) => answers(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), *port), path),
            Ready::Command(argv) => Command::new(&argv[0])
                .args(&argv[1..])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok_and(|status| status.success()),
            Ready::AtOnce => true,
        }
    }
}

/// Writes the configuration files and says what to start, in that order.
pub(crate) fn all(place: &Place, programs: &Programs) -> Result<Vec<Component>> {
    let kubernetes = |name: &str| programs.kubernetes.join(name);
    let pki = |file: &str| place.at("pki").join(file).display().to_string();
    let config = |user: &str| place.at(&format!("{user}.kubeconfig")).display().to_string();
    let kubectl = [
        kubernetes("kubectl").display().to_string(),
        format!("--kubeconfig={}", config("admin")),
    ];
    Ok(vec![
        Component {
            name: "etcd",
            program: programs.etcd.join("etcd"),
            args: flags(&[
                ("data-dir", &place.folder("etcd")?.display().to_string()),
                ("listen-client-urls", "http://127.0.0.1:2379"),
                ("advertise-client-urls", "http://127.0.0.1:2379"),
                ("listen-peer-urls", "http://127.0.0.1:2380"),
                ("log-level", "warn"),
                // Argo's full CRD is larger than the default allows.
                ("max-request-bytes", "10485760"),
                // Nothing here outlives the node.
                ("unsafe-no-fsync", "true"),
            ]),
            ready: Ready::Http(2379, "/health"),
        },
        Component {
            name: "kube-apiserver",
            program: kubernetes("kube-apiserver"),
            args: flags(&[
                ("etcd-servers", "http://127.0.0.1:2379"),
                ("advertise-address", &NODE.to_string()),
                ("secure-port", &API_PORT.to_string()),
                ("service-cluster-ip-range", SERVICES),
                ("authorization-mode", "Node,RBAC"),
                ("enable-admission-plugins", "NodeRestriction"),
                ("allow-privileged", "true"),
                ("client-ca-file", &pki("ca.crt")),
                ("tls-cert-file", &pki("apiserver.crt")),
                ("tls-private-key-file", &pki("apiserver.key")),
                ("kubelet-client-certificate", &pki("apiserver-kubelet.crt")),
                ("kubelet-client-key", &pki("apiserver-kubelet.key")),
                ("kubelet-preferred-address-types", "InternalIP"),
                ("service-account-key-file", &pki("service-account.pub")),
                ("service-account-signing-key-file", &pki("service-account.key")),
                (
                    "service-account-issuer",
                    "https://kubernetes.default.svc.cluster.local",
                ),
                ("event-ttl", "6h"),
            ]),
            ready: Ready::Command([&kubectl[..], &["get".into(), "--raw=/readyz".into()]].concat()),
        },
        Component {
            name: "kube-controller-manager",
            program: kubernetes("kube-controller-manager"),
            args: flags(&[
                ("kubeconfig", &config("controller-manager")),
                ("bind-address", "127.0.0.1"),
                ("leader-elect", "false"),
                ("allocate-node-cidrs", "true"),
                ("cluster-cidr", PODS),
                ("service-cluster-ip-range", SERVICES),
                ("root-ca-file", &pki("ca.crt")),
                ("service-account-private-key-file", &pki("service-account.key")),
                ("use-service-account-credentials", "true"),
            ]),
            ready: Ready::AtOnce,
        },
        Component {
            name: "kube-scheduler",
            program: kubernetes("kube-scheduler"),
            args: flags(&[
                ("kubeconfig", &config("scheduler")),
                ("bind-address", "127.0.0.1"),
                ("leader-elect", "false"),
            ]),
            ready: Ready::AtOnce,
        },
        Component {
            name: "containerd",
            program: "/usr/bin/containerd".into(),
            args: flags(&[("config", &containerd(place)?)]),
            ready: Ready::Command(
                ["ctr", "--address", CONTAINERD, "version"]
                    .map(str::to_owned)
                    .into(),
            ),
        },
        Component {
            name: "kubelet",
            program: kubernetes("kubelet"),
            args: flags(&[
                ("kubeconfig", &config("kubelet")),
                ("config", &kubelet(place)?),
                ("hostname-override", NODE_NAME),
                ("node-ip", &NODE.to_string()),
                ("root-dir", &place.folder("kubelet")?.display().to_string()),
                ("cert-dir", &place.folder("kubelet-pki")?.display().to_string()),
            ]),
            ready: Ready::Http(10248, "/healthz"),
        },
        Component {
            name: "kube-proxy",
            program: kubernetes("kube-proxy"),
            args: flags(&[("config", &proxy(place, &config("proxy"))?)]),
            ready: Ready::Http(10256, "/healthz"),
        },
    ])
}

fn flags(flags: &[(&str, &str)]) -> Vec<String> {
    flags
        .iter()
        .map(|(name, value)| format!("--{name}={value}"))
        .collect()
}

fn containerd(place: &Place) -> Result<String> {
    let cni = place.folder("cni")?;
    let network = json!({
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "bridge", "bridge": "pods0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
                "ipam": {
                    "type": "host-local", "dataDir": place.folder("cni-state")?,
                    "ranges": [[{"subnet": PODS.replace("/16", "/24")}]], "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": true}},
        ],
    });
    std::fs::write(cni.join("10-pods.conflist"), network.to_string())?;
    let text = format!(
        r#"version = 2
root = "{root}"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt", "io.containerd.tracing.processor.v1.otlp",
]

[grpc]
  address = "{CONTAINERD}"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE_IMAGE}"
  # Lowering it takes a right that not every machine gives to root.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{cni}"
"#,
        root = place.folder("containerd")?.display(),
        cni = cni.display(),
    );
    file(place, "containerd.toml", &text)
}

fn kubelet(place: &Place) -> Result<String> {
    let resolv = file(place, "resolv.conf", "")?;
    let config = json!({
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": false},
            "webhook": {"enabled": true},
            "x509": {"clientCAFile": place.at("pki").join("ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "containerRuntimeEndpoint": format!("unix://{CONTAINERD}"),
        "clusterDomain": "cluster.local",
        "clusterDNS": [DNS_SERVICE],
        "resolvConf": resolv,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": format!("/{NAME}"),
        "failCgroupV1": false,
        "failSwapOn": false,
        "oomScoreAdj": 0,
        "maxPods": 110,
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "serializeImagePulls": false,
        "podLogsDir": place.folder("pod-logs")?,
    });
    file(place, "kubelet.json", &config.to_string())
}

fn proxy(place: &Place, kubeconfig: &str) -> Result<String> {
    let config = json!({
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": kubeconfig},
        "hostnameOverride": NODE_NAME,
        "mode": "iptables",
        "clusterCIDR": PODS,
        // They are the kernel's, not the node's.
        "conntrack": {"maxPerCore": 0, "min": 0},
        "oomScoreAdj": 0,
    });
    file(place, "kube-proxy.json", &config.to_string())
}

fn file(place: &Place, name: &str, text: &str) -> Result<String> {
    let path = place.at(name);
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path.display().to_string())
}
