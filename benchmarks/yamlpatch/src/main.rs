//! One edit of a YAML file with the yamlpatch crate of zizmor.
//!
//! `bench-yamlpatch FILE EDIT` writes the edited text. EDIT is JSON with `op` (set, replace, delete or append), `path`
//! and `value`. `bench-yamlpatch FILE EDIT SECONDS` repeats the edit for about that long, and prints as JSON the
//! shortest processor time of reading and editing, that of a further edit of the text that was read, and the peak of
//! memory with and without the edit. If yamlpatch refuses the edit, the exit status is 1.

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use cpu_time::ProcessTime;
use yaml_serde::{Mapping, Value};
use yamlpatch::{apply_yaml_patches, Op, Patch};
use yamlpath::{Component, Document, Route};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// An edit that takes longer is made only once.
const LONG: Duration = Duration::from_secs(3);

struct Edit {
    op: String,
    path: Vec<Value>,
    value: Value,
}

impl Edit {
    fn parse(text: &str) -> Outcome<Self> {
        let given: Value = yaml_serde::from_str(text)?;
        let field = |name: &str| given.get(name).cloned().unwrap_or(Value::Null);
        Ok(Self {
            op: field("op").as_str().ok_or("no op")?.to_owned(),
            path: field("path").as_sequence().ok_or("no path")?.clone(),
            value: field("value"),
        })
    }

    fn make(&self, document: &Document) -> Outcome<Document> {
        let route = route_of(&self.path)?;
        let found = document.query_exact(&route);
        let patch = match (self.op.as_str(), found) {
            ("delete", _) => Patch { route, operation: Op::Remove },
            ("append", Ok(Some(_))) => Patch { route, operation: Op::Append { value: self.value.clone() } },
            ("append", _) => self.created(document, Value::Sequence(vec![self.value.clone()]))?,
            (_, Ok(_)) => Patch { route, operation: Op::Replace(self.value.clone()) },
            (_, Err(_)) => self.created(document, self.value.clone())?,
        };
        Ok(apply_yaml_patches(document, &[patch])?)
    }

    /// The value, with those of its parents that do not exist yet.
    fn created(&self, document: &Document, value: Value) -> Outcome<Patch<'_>> {
        for depth in (0..=self.path.len()).rev() {
            let route = route_of(&self.path[..depth])?;
            let missing = &self.path[depth..];
            match document.query_exact(&route) {
                Err(_) if depth > 0 => continue,
                Err(error) => return Err(error.into()),
                Ok(None) => return Ok(Patch { route, operation: Op::Replace(nested(missing, value)) }),
                Ok(Some(_)) => {
                    let (key, below) = missing.split_first().ok_or("nothing is missing")?;
                    let key = key.as_str().ok_or("the list has no such item")?.to_owned();
                    return Ok(Patch { route, operation: Op::Add { key, value: nested(below, value) } });
                }
            }
        }
        Err("there is no document".into())
    }
}

fn route_of(path: &[Value]) -> Outcome<Route<'_>> {
    let steps: Option<Vec<Component>> = path.iter().map(step).collect();
    Ok(steps.ok_or("a step is an index or a key")?.into())
}

fn step(step: &Value) -> Option<Component<'_>> {
    match step.as_str() {
        Some(key) => Some(key.into()),
        None => Some(usize::try_from(step.as_u64()?).ok()?.into()),
    }
}

fn nested(path: &[Value], value: Value) -> Value {
    path.iter().rev().fold(value, |inner, key| Value::Mapping(Mapping::from_iter([(key.clone(), inner)])))
}

/// The shortest of all runs that start within the time, at least one.
fn shortest(time: Duration, mut work: impl FnMut() -> Outcome<()>) -> Outcome<Duration> {
    let mut best = Duration::MAX;
    let begin = ProcessTime::now();
    loop {
        let started = ProcessTime::now();
        work()?;
        best = best.min(started.elapsed());
        if begin.elapsed() >= time {
            return Ok(best);
        }
    }
}

/// The largest size of this process so far, in MB; 0 where the system does not say.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
}

fn measure(text: &str, edit: &Edit, time: Duration) -> Outcome<String> {
    let whole = || edit.make(&Document::new(text)?);
    let before = peak();
    let mut document = None;
    let mut took = shortest(Duration::ZERO, || {
        document = Some(whole()?);
        Ok(())
    })?;
    let after = peak();
    let mut document = document.ok_or("no edit was made")?;
    let mut value = false;
    let further = shortest(time, || {
        let next = Edit { op: edit.op.clone(), path: edit.path.clone(), value: Value::Bool(value) };
        document = next.make(&document)?;
        value = !value;
        Ok(())
    })?;
    drop(document);
    if took < LONG {
        took = took.min(shortest(time, || whole().map(drop))?);
    }
    let [took, further] = [took, further].map(|time| time.as_secs_f64() * 1000.0);
    Ok(format!(
        r#"{{"milliseconds": {took}, "further": {further}, "megabytes": {after}, "imports": {before}}}"#
    ))
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, edit, seconds @ ..] = arguments.as_slice() else {
        return Err("bench-yamlpatch FILE EDIT [SECONDS]".into());
    };
    let (text, edit) = (std::fs::read_to_string(file)?, Edit::parse(edit)?);
    match seconds.first() {
        Some(seconds) => println!("{}", measure(&text, &edit, Duration::from_secs_f64(seconds.parse()?))?),
        None => std::io::stdout().write_all(edit.make(&Document::new(text)?)?.source().as_bytes())?,
    }
    Ok(())
}
