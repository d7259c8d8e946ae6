//! What the operating system lets this process have, compared with what it needs, before anything is opened: libraries
//! below this program end a process at once where a thread, a file or memory is refused to them.

mod cgroup;
mod probe;
mod remark;
mod signals;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use kippu_events::{blobs, files};

pub(crate) use remark::remark;

/// Files that runtime and server open apart from their threads' own: standard streams, listener, locks, the server's own
/// wake-ups, what a command opens for a moment.
const FILES: u64 = 32;
/// Each thread that runs futures has a selector, a wake-up and a copy of the signals' pipe.
const FILES_OF_A_THREAD: u64 = 4;
/// Files that are open at most when this is called: far more than there ever are.
const OPEN_AT_MOST: u64 = 512;
/// Connections that a node serves at least.
const CONNECTIONS: u64 = 32;
/// Threads besides those that run futures: traces, the log, views, the acceptor, flushing, compaction, RocksDB's timers, and
/// some that come and go.
const THREADS: u64 = 12;
/// RocksDB opens data files with so many threads, of two stores at once.
const OPENERS: u64 = 2 * 15;
/// A node's clients of Kafka: readers, producers, provers, the group, the keys.
const CLIENTS: u64 = 24;
/// For each: its own thread, one for the addresses that it is given, and one per broker that it is told of, of three.
const THREADS_OF_A_CLIENT: u64 = 5;
/// For each: pipes between these threads, and connections.
const FILES_OF_A_CLIENT: u64 = 14;
/// Address space: code, what is in memory from the start, threads' stacks and heaps, and what the allocator maps at once,
/// which is a gibibyte. Caches take theirs as they fill.
const NODE_BYTES: u64 = 2 << 30;
const COMMAND_BYTES: u64 = 256 << 20;
/// Every thread maps a stack, and a part of the heap of its own.
const THREAD_BYTES: u64 = 8 << 20;
/// What of it a node that has nothing to do really uses.
const MEMORY_BYTES: u64 = 96 << 20;
/// With so much of it caches fill without harm.
const EASY_BYTES: u64 = 1 << 30;
/// A file that may not grow to this size takes a node's first records at most.
const LEAST_FILE_BYTES: u64 = 256 << 10;
/// The largest file that the stores write by themselves, with space: their write-ahead logs go up to 128 MiB.
const FILE_BYTES: u64 = 256 << 20;
/// RocksDB's threads have stacks of the size of this limit.
const STACK_BYTES: u64 = 512 << 10;

/// What a command needs to have left.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Need {
    /// Who needs it.
    who: &'static str,
    files: u64,
    threads: u64,
    address_bytes: u64,
    memory_bytes: u64,
    file_bytes: u64,
}

impl Need {
    /// Of any command, before it is known what it works on.
    pub(crate) const fn command() -> Self {
        Self {
            who: "this command",
            files: FILES / 2,
            threads: 4,
            address_bytes: COMMAND_BYTES,
            memory_bytes: 0,
            file_bytes: 0,
        }
    }

    /// Of a command that reads a history with so many threads, next to the node that serves it.
    pub(crate) fn reading(threads: usize) -> Self {
        let threads = count(threads);
        Self { who: "reading a history", files: FILES, threads: threads + OPENERS, ..Self::command() }
    }

    /// Of a node with so many threads for partitions and for requests.
    pub(crate) fn node(partitions: usize, workers: usize, on_kafka: bool) -> Self {
        let running = count(partitions) + count(workers) + 1;
        let clients = if on_kafka { CLIENTS } else { 0 };
        let most = getrlimit(Resource::Nofile).current;
        let stores = files::STORES * (files::PER_STORE + files::kept_of(most).unwrap_or_default());
        let connections = if workers == 0 { 0 } else { CONNECTIONS + count(blobs::MOST_OPEN) };
        Self {
            who: "a node",
            files: FILES + running * FILES_OF_A_THREAD + stores + clients * FILES_OF_A_CLIENT + connections,
            // Each thread that runs futures has one more for what may block.
            threads: 2 * running + THREADS + OPENERS + clients * THREADS_OF_A_CLIENT,
            address_bytes: NODE_BYTES,
            memory_bytes: MEMORY_BYTES,
            file_bytes: LEAST_FILE_BYTES,
        }
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// A limit that is too low.
#[derive(Debug, thiserror::Error)]
#[error("{who} needs {needed}, but {limit}: {advice}")]
pub(crate) struct TooLow {
    who: &'static str,
    needed: String,
    limit: String,
    advice: String,
}

/// Raises the limits that a process may raise by itself, and takes the signals that would end it without a word.
pub(crate) fn settle() -> Result<(), TooLow> {
    // Lower soft limits on what a process uses up are somebody's wish; on what it opens they are old defaults.
    for resource in [Resource::Nofile, Resource::Nproc] {
        let Rlimit { current, maximum } = getrlimit(resource);
        if current != maximum {
            // Where it is not allowed the lower limit stays, and is judged like any other.
            let _stays = setrlimit(resource, Rlimit { current: maximum, maximum });
        }
    }
    signals::settle().map_err(|error| TooLow {
        who: "this command",
        needed: "signals".to_owned(),
        limit: format!("they are not to be had ({error})"),
        advice: "see what restricts this process".to_owned(),
    })
}

/// Whether this process may have what it needs.
///
/// # Errors
/// The limit that is in the way.
pub(crate) fn check(need: &Need) -> Result<(), TooLow> {
    stack(need)?;
    memory(need)?;
    file_size(need)?;
    open_files(need)?;
    threads(need)
}

/// How many connections may be open next to the stores of a node that needs `need`. A store that cannot open a file ends the
/// node, so connections are the ones that have to wait.
pub(crate) fn connections_for(need: &Need) -> u64 {
    let most = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    // A store that may keep all of its files open shares what it does not need.
    let kept = if files::kept_of(Some(most)).is_some() { 0 } else { most / 4 };
    most.saturating_sub(need.files + kept).saturating_add(CONNECTIONS)
}

/// What an operator should know of limits that let a node start and are met later.
pub(crate) fn warnings() -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(bytes) = getrlimit(Resource::Fsize).current
        && bytes < FILE_BYTES
    {
        warnings.push(format!(
            "the limit on the size of a file is {bytes} bytes: a write beyond ends this node with exit code 70; `ulimit -f \
             unlimited` or LimitFSIZE=infinity takes it away"
        ));
    }
    if let Some(found) = cgroup::memory()
        && found.most < EASY_BYTES
    {
        warnings.push(format!(
            "the control group of this node has {} MiB of memory ({}), and its caches go up to some hundred more: under load it may \
             be killed, which loses nothing",
            found.most >> 20,
            found.file.display()
        ));
    }
    if let Some(seconds) = getrlimit(Resource::Cpu).current {
        warnings.push(format!(
            "the limit on processor time is {seconds} seconds, after which this node is killed: `ulimit -t unlimited` or \
             LimitCPU=infinity takes it away"
        ));
    }
    warnings
}

fn stack(need: &Need) -> Result<(), TooLow> {
    match getrlimit(Resource::Stack).current {
        Some(bytes) if bytes < STACK_BYTES => Err(TooLow {
            who: need.who,
            needed: format!("stacks of {STACK_BYTES} bytes"),
            limit: format!("the limit on a stack is {bytes}"),
            advice: "raise it (`ulimit -s 8192`, LimitSTACK= of systemd)".to_owned(),
        }),
        Some(_) | None => Ok(()),
    }
}

fn memory(need: &Need) -> Result<(), TooLow> {
    let needed = need.address_bytes + need.threads * THREAD_BYTES;
    for (resource, name, flag, unit) in
        [(Resource::As, "address space", "ulimit -v", "LimitAS="), (Resource::Data, "data", "ulimit -d", "LimitDATA=")]
    {
        if let Some(limit) = getrlimit(resource).current
            && limit < needed
        {
            return Err(TooLow {
                who: need.who,
                needed: format!("{} MiB of {name}", needed >> 20),
                limit: format!("the limit is {} MiB", limit >> 20),
                advice: format!("raise it (`{flag} unlimited`, {unit} of systemd)"),
            });
        }
    }
    match cgroup::memory() {
        Some(found) if found.most < need.memory_bytes => Err(TooLow {
            who: need.who,
            needed: format!("{} MiB of memory, and some hundred more for its caches", need.memory_bytes >> 20),
            limit: format!("its control group has {} MiB ({})", found.most >> 20, found.file.display()),
            advice: "raise it (MemoryMax= of systemd, --memory of docker, limits.memory of Kubernetes)".to_owned(),
        }),
        Some(_) | None => Ok(()),
    }
}

fn file_size(need: &Need) -> Result<(), TooLow> {
    match getrlimit(Resource::Fsize).current {
        Some(bytes) if bytes < need.file_bytes => Err(TooLow {
            who: need.who,
            needed: format!("files of {} KiB and soon of {} MiB", need.file_bytes >> 10, FILE_BYTES >> 20),
            limit: format!("the limit on the size of a file is {bytes} bytes"),
            advice: "raise it (`ulimit -f unlimited`, LimitFSIZE= of systemd)".to_owned(),
        }),
        Some(_) | None => Ok(()),
    }
}

fn open_files(need: &Need) -> Result<(), TooLow> {
    let left = files::left(need.files);
    if left >= need.files {
        return Ok(());
    }
    let needed = format!("{} open files besides those that are open already", need.files);
    Err(match getrlimit(Resource::Nofile).current {
        Some(most) if most <= left + OPEN_AT_MOST => TooLow {
            who: need.who,
            needed,
            limit: format!("the limit on open files is {most}"),
            advice: format!(
                "raise it to {} or more (`ulimit -n`, LimitNOFILE= of systemd, --ulimit nofile= of docker)",
                (most.saturating_sub(left) + need.files).max(1024)
            ),
        },
        Some(_) | None => TooLow {
            who: need.who,
            needed,
            limit: format!("this machine gives no more than {left}"),
            advice: "raise fs.file-max (sysctl), or end what holds so many".to_owned(),
        },
    })
}

fn threads(need: &Need) -> Result<(), TooLow> {
    let left = probe::threads(need.threads);
    if left >= need.threads {
        return Ok(());
    }
    let mut limits = Vec::new();
    if let Some(most) = getrlimit(Resource::Nproc).current {
        limits.push(format!("the limit on processes and threads of this user, over all of them, is {most}"));
    }
    if let Some(found) = cgroup::pids() {
        limits.push(format!("that of its control group is {} ({})", found.most, found.file.display()));
    }
    // Each thread takes some for its stack.
    if let Some(most) = getrlimit(Resource::As).current {
        limits.push(format!("that on address space is {} MiB (`ulimit -v`)", most >> 20));
    }
    limits.push(format!("{left} are left"));
    Err(TooLow {
        who: need.who,
        needed: format!("{} threads", need.threads),
        limit: limits.join(", "),
        advice: "raise what is in the way (`ulimit -u`, LimitNPROC= or TasksMax= of systemd, --pids-limit of docker)"
            .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_workers_and_brokers_need_more() {
        let small = Need::node(1, 1, false);
        for larger in [Need::node(2, 1, false), Need::node(1, 2, false), Need::node(1, 1, true)] {
            assert!(larger.files > small.files && larger.threads > small.threads, "{larger:?}");
        }
        assert!(Need::node(1, 0, false).files < small.files);
    }

    #[test]
    fn a_machine_that_runs_tests_has_enough() {
        check(&Need::node(2, 2, false)).unwrap();
    }
}
