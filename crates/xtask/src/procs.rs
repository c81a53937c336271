//! Processes by their ids, as `/proc` knows them.

use rustix::process::{Pid, Signal, kill_process};

/// Asks these processes to end.
pub(crate) fn terminate(pids: &[i32]) {
    for &pid in pids {
        signal(pid, Signal::TERM);
    }
}

/// Sends a signal; a process that is gone by now needs none.
pub(crate) fn signal(pid: i32, what: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, what);
    }
}

/// All processes.
pub(crate) fn everyone() -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// This process.
pub(crate) fn own_pid() -> i32 {
    i32::try_from(std::process::id()).unwrap_or_default()
}

/// Fields of `/proc/<pid>/stat` after the name, which may hold spaces and brackets itself.
fn stat(pid: i32) -> Option<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

/// When a process started, in clock ticks after boot.
pub(crate) fn start_ticks(pid: i32) -> Option<u64> {
    stat(pid)?.get(19)?.parse().ok()
}

/// Whether a process runs. A zombie has ended: only its parent has not asked yet.
pub(crate) fn alive(pid: i32) -> bool {
    stat(pid).is_some_and(|fields| fields.first().is_some_and(|state| state != "Z"))
}
