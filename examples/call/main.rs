//! One call of a node, for scripts: a command with its key, a question, or a file, until there is an answer; prints what of the answer
//! is asked for.
//!
//! ```sh
//! call http://127.0.0.1:7701/v1/users --key-file operator.key --give u-1 --body '{"login":"ada",…}' --show /id
//! call http://127.0.0.1:7701/v1/settlements --key-file operator.key --rows state,settled_amount
//! ```
//!
//! Exit codes: 0 done, 1 the node said no, 2 usage, 3 could not run.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use clap::Parser;
use kippu_client::{Answer, Client, Method, Nodes, Pauses};
use serde_json::Value;

/// Calls a node once, and the same again until there is an answer.
#[derive(Parser)]
struct Args {
    /// What is called: scheme, host, port, path and query.
    #[arg(value_name = "URL")]
    url: String,
    /// The file with an API key.
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    key_file: Option<PathBuf>,
    /// An API key, or a capability.
    #[arg(long, value_name = "TOKEN")]
    key: Option<String>,
    /// Give a command under this idempotency key.
    #[arg(long, value_name = "KEY")]
    give: Option<String>,
    /// The command's members.
    #[arg(long, value_name = "JSON", default_value = "{}", requires = "give")]
    body: String,
    /// Upload this file.
    #[arg(long, value_name = "FILE", conflicts_with = "give")]
    put: Option<PathBuf>,
    /// Print what stands there in the answer (RFC 6901); may be given several times.
    #[arg(long, value_name = "POINTER")]
    show: Vec<String>,
    /// Ask again until this stands there.
    #[arg(long, value_name = "POINTER=TEXT", value_parser = until)]
    until: Option<(String, String)>,
    /// Print these members of every row of a list, through all its pages.
    #[arg(long, value_name = "MEMBER", value_delimiter = ',', conflicts_with_all = ["show", "until", "give", "put"])]
    rows: Vec<String>,
    /// How long it is tried.
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    patience_secs: u64,
}

fn until(text: &str) -> Result<(String, String), String> {
    let (pointer, value) = text.split_once('=').ok_or("what is waited for is written as POINTER=TEXT")?;
    Ok((pointer.to_owned(), value.to_owned()))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run(&Args::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("call: {error:#}");
            ExitCode::from(3)
        }
    }
}

/// Whether the node did what was asked.
async fn run(args: &Args) -> anyhow::Result<bool> {
    let key = match &args.key_file {
        Some(path) => std::fs::read_to_string(path).with_context(|| path.display().to_string())?.trim().to_owned(),
        None => args.key.clone().unwrap_or_default(),
    };
    let patience = Duration::from_secs(args.patience_secs);
    let (root, path) = parts(&args.url)?;
    let nodes = Nodes::new(vec![Client::new(root, "", Duration::from_secs(20))?], patience);
    if !args.rows.is_empty() {
        return rows(&nodes, &key, path, &args.rows).await;
    }
    let (begun, mut pauses) = (Instant::now(), Pauses::default());
    loop {
        let (answer, _) = match (&args.give, &args.put) {
            (Some(name), _) => nodes.until_answered(&key, |node| node.command(path, name, args.body.clone())).await?,
            (None, Some(file)) => {
                let bytes = std::fs::read(file).with_context(|| file.display().to_string())?;
                nodes.until_answered(&key, |node| node.request(Method::PUT, path).body(bytes.clone())).await?
            }
            (None, None) => nodes.until_answered(&key, |node| node.query(path, None)).await?,
        };
        if let Some((pointer, expected)) = &args.until
            && !(answer.status.is_success() && shown(&answer, pointer) == *expected)
        {
            if begun.elapsed() > patience {
                bail!("{} is not {expected}: {}", pointer, answer.text());
            }
            pauses.pass(None).await;
            continue;
        }
        return Ok(told(&answer, &args.show));
    }
}

/// Where the node answers, and what is asked there.
fn parts(url: &str) -> anyhow::Result<(&str, &str)> {
    let host = url.find("://").map_or(0, |scheme| scheme + 3);
    let path = url.get(host..).and_then(|rest| rest.find('/')).context("the URL has no path")?;
    Ok(url.split_at(host + path))
}

fn told(answer: &Answer, pointers: &[String]) -> bool {
    if !answer.status.is_success() {
        eprintln!("{}: {}", answer.url, answer.text());
        return false;
    }
    for pointer in pointers {
        println!("{}", shown(answer, pointer));
    }
    true
}

fn shown(answer: &Answer, pointer: &str) -> String {
    let body: Value = answer.json().unwrap_or_default();
    body.pointer(pointer).map(text).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

async fn rows(nodes: &Nodes, key: &str, path: &str, members: &[String]) -> anyhow::Result<bool> {
    let sign = if path.contains('?') { '&' } else { '?' };
    let mut cursor = String::new();
    loop {
        let page = format!("{path}{sign}limit=1000{cursor}");
        let (answer, _) = nodes.until_answered(key, |node| node.query(&page, None)).await?;
        if !told(&answer, &[]) {
            return Ok(false);
        }
        let page: Value = answer.json().context("a page is JSON")?;
        for row in page.get("data").and_then(Value::as_array).context("a page has rows")? {
            let members = members.iter().map(|member| row.get(member).map_or_else(|| "-".to_owned(), text));
            println!("{}", members.collect::<Vec<_>>().join("\t"));
        }
        let Some(next) = page.get("next").and_then(Value::as_str) else { return Ok(true) };
        cursor = format!("&cursor={next}");
    }
}
