//! `kippu events`: follows the feed of a running node and prints each event as a line of JSON. Where the feed ends or the
//! connection is lost, it goes on behind the last event that was printed.

use std::num::NonZeroU64;
use std::path::PathBuf;

use kippu_client::{Client, Error, Event, Feed, Pauses};
use reqwest::Url;
use serde_json::Value;

use crate::exit::Exit;
use crate::node;
use crate::output::Output;
use crate::remote::{self, RemoteError};

const PATH: &str = "/v1/events";

/// Arguments.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A running node, as `http://127.0.0.1:7701`.
    #[arg(long, value_name = "URL", env = "KIPPU_SERVER")]
    server: String,
    /// The file with the API key of whom the node is to take this for.
    #[arg(long, value_name = "FILE", env = "KIPPU_KEY_FILE")]
    key_file: PathBuf,
    /// Go on behind the event that was printed with this `cut`.
    #[arg(long, value_name = "CUT", conflicts_with = "from_beginning")]
    after: Option<String>,
    /// Begin with the first event that there is, and not with what comes from now on.
    #[arg(long)]
    from_beginning: bool,
    /// Only events of these families, as `approvals,users`.
    #[arg(long, value_name = "FAMILY", value_delimiter = ',')]
    family: Vec<String>,
    /// Only events of these entities, as `users/ID`.
    #[arg(long, value_name = "FAMILY/ID", value_delimiter = ',')]
    entity: Vec<String>,
    /// Only events of these kinds, as `approval.issued`.
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    kind: Vec<String>,
    /// End after so many events.
    #[arg(long, value_name = "N")]
    limit: Option<NonZeroU64>,
    /// A file with certificates of authorities that are trusted too, in PEM.
    #[arg(long, env = "KIPPU_TLS_ROOTS", value_name = "FILE")]
    tls_roots: Option<PathBuf>,
}

/// Why it does not go on.
#[derive(Debug, thiserror::Error)]
enum EventsError {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Call(#[from] Error),
    #[error("what came is no event: {0}")]
    NoEvent(String),
}

impl EventsError {
    const fn exit(&self) -> Exit {
        match self {
            // The node ran and said no.
            Self::Call(Error::Problem(_)) => Exit::Found,
            Self::Remote(_) | Self::Call(_) | Self::NoEvent(_) => Exit::CouldNotRun,
        }
    }
}

/// Prints events until there were enough, or somebody ends it.
pub(crate) fn run(args: &Args, output: &Output) -> Exit {
    match node::on_a_system(follow(args, output)) {
        Ok(()) => Exit::Sound,
        Err(error) => output.failed(error.exit(), error),
    }
}

async fn follow(args: &Args, output: &Output) -> Result<(), EventsError> {
    let node = remote::node_at(&args.server, &args.key_file, args.tls_roots.as_deref())?;
    let path = path(args);
    let mut printing = Printing { output, left: args.limit.map(NonZeroU64::get) };
    let mut after = args.after.clone();
    let mut pauses = Pauses::default();
    // An address at which there is no node is told at once.
    let mut feed = Some(node.follow(&path, after.as_deref()).await?);
    loop {
        if let Some(mut open) = feed.take() {
            pauses = Pauses::default();
            let ended = printing.all(&mut open).await?;
            after = Some(open.id().to_owned()).filter(|id| !id.is_empty()).or(after);
            match ended {
                Ended::Enough => return Ok(()),
                Ended::Lost(why) => output.note(format_args!("{why}; going on behind the last event")),
            }
        }
        pauses.pass(None).await;
        feed = again(&node, &path, after.as_deref()).await?;
    }
}

/// The feed again; nothing where it is to be asked for once more, later.
async fn again(node: &Client, path: &str, after: Option<&str>) -> Result<Option<Feed>, Error> {
    match node.follow(path, after).await {
        Ok(feed) => Ok(Some(feed)),
        // A node that is not there comes back, and so does whatever stands before it.
        Err(error) if error.is_open() => Ok(None),
        Err(error) => Err(error),
    }
}

/// The path and its parameters.
fn path(args: &Args) -> String {
    let Args { family, entity, kind, .. } = args;
    let lists = [("family", family), ("entity", entity), ("kind", kind)];
    let lists = lists.into_iter().filter(|(_, values)| !values.is_empty());
    let mut parameters: Vec<(&str, String)> = lists.map(|(name, values)| (name, values.join(","))).collect();
    if args.from_beginning {
        parameters.push(("from", "beginning".to_owned()));
    }
    // Whatever was given is escaped as in any URL, of which the host does not matter here.
    match Url::parse_with_params("http://node/v1/events", parameters).ok().as_ref().and_then(Url::query) {
        Some(query) if !query.is_empty() => format!("{PATH}?{query}"),
        Some(_) | None => PATH.to_owned(),
    }
}

/// What is printed.
struct Printing<'a> {
    output: &'a Output,
    /// How many events more, where there is a limit.
    left: Option<u64>,
}

/// Why a feed was left.
enum Ended {
    /// There were as many events as wanted, or nobody reads them any more.
    Enough,
    /// It was lost, or the node has ended it.
    Lost(String),
}

impl Printing<'_> {
    /// Prints the events of `feed` for as long as they come.
    async fn all(&mut self, feed: &mut Feed) -> Result<Ended, EventsError> {
        loop {
            if self.left == Some(0) || !self.output.is_whole() {
                return Ok(Ended::Enough);
            }
            match feed.next().await {
                Ok(Some(event)) => self.one(&event)?,
                Ok(None) => return Ok(Ended::Lost("the node has ended the feed".to_owned())),
                Err(lost) => return Ok(Ended::Lost(lost.to_string())),
            }
        }
    }

    fn one(&mut self, event: &Event) -> Result<(), EventsError> {
        let line = line(event).ok_or_else(|| EventsError::NoEvent(event.data.clone()))?;
        self.output.print(format_args!("{line}\n"));
        self.left = self.left.map(|left| left - 1);
        Ok(())
    }
}

/// An event on one line, as it came, with one more member behind the others.
fn line(event: &Event) -> Option<String> {
    let data = event.data.replace('\n', " ");
    serde_json::from_str::<Value>(&data).ok().filter(Value::is_object)?;
    let open = data.trim_end().strip_suffix('}')?;
    Some(format!("{open},\"cut\":{}}}", Value::from(event.id.as_str())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_that_says_what_to_go_on_from() {
        let of = |data: &str| line(&Event { id: "1.0".to_owned(), kind: String::new(), data: data.to_owned() });
        assert_eq!(of(r#"{"type":"a"}"#).as_deref(), Some(r#"{"type":"a","cut":"1.0"}"#));
        assert_eq!(of("{\n\"type\":\"a\"}").as_deref(), Some(r#"{ "type":"a","cut":"1.0"}"#));
        assert_eq!((of("[]"), of("{"), of("")), (None, None, None));
    }

    #[test]
    fn what_is_asked_for_is_in_the_path() {
        use clap::{Args as _, FromArgMatches as _};
        let command = Args::augment_args(clap::Command::new("events"));
        let given = |more: &[&str]| {
            let words = [&["events", "--server", "a", "--key-file", "b"], more].concat();
            path(&Args::from_arg_matches(&command.clone().get_matches_from(words)).unwrap())
        };
        assert_eq!(given(&[]), PATH);
        assert_eq!(given(&["--kind", "a&from=now#"]), "/v1/events?kind=a%26from%3Dnow%23");
        let all = ["--family", "users,clients", "--kind", "user.credited", "--from-beginning"];
        assert_eq!(given(&all), "/v1/events?family=users%2Cclients&kind=user.credited&from=beginning");
    }
}
