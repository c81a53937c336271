//! Signals to a process group, and whether a group of an earlier attempt is still there.

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use serde::{Deserialize, Serialize};

/// A process group by its leader, so that a reused id is not taken for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    /// The leader's process id, which is the group's.
    pub id: i32,
    /// When the leader started, in the kernel's ticks since boot; 0 when that cannot be read.
    pub started: u64,
}

impl Group {
    /// The group that `pid` leads.
    pub(crate) fn of_leader(pid: u32) -> Option<Self> {
        let id = i32::try_from(pid).ok().filter(|id| *id > 1)?;
        Some(Self {
            id,
            started: start_ticks(id).unwrap_or(0),
        })
    }

    /// Whether its leader is the one that was started.
    pub(crate) fn leads(self) -> bool {
        self.started != 0 && start_ticks(self.id) == Some(self.started)
    }

    /// Whether any process is left in it.
    pub(crate) fn is_there(self) -> bool {
        Pid::from_raw(self.id).is_some_and(|pid| test_kill_process_group(pid).is_ok())
    }

    /// Asks all of it to end.
    pub(crate) fn terminate(self) {
        self.signal(Signal::TERM);
    }

    /// Ends all of it.
    pub(crate) fn kill(self) {
        self.signal(Signal::KILL);
    }

    fn signal(self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.id)
            && let Err(error) = kill_process_group(pid, signal)
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!(group = self.id, %error, "cannot signal the training process");
        }
    }
}

/// Field 22 of `/proc/<pid>/stat`; the name in field 2 may hold spaces and brackets. A zombie does not count.
fn start_ticks(pid: i32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_itself_and_not_another_life() {
        let own = i32::try_from(std::process::id()).unwrap();
        let started = start_ticks(own).unwrap();
        assert!(started > 0);
        assert!(Group { id: own, started }.leads());
        assert!(
            !Group {
                id: own,
                started: started + 1
            }
            .leads()
        );
        assert!(Group::of_leader(1).is_none());
    }
}
