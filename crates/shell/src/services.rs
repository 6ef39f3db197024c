//! Services of a project: programs that run while someone works in its environment.
//!
//! A derivation says which in the variable `FIRN_SERVICES`, as JSON: for each name how it is started,
//! and where wanted a port, a command that succeeds once it is ready, one that prepares its
//! directory, the signal that ends it, whether it refuses to run as root, and variables for those
//! who use it. In all of these
//! `@port@` is the port that was found free, and `@state@` the directory that belongs to it.
//! Nothing is started here; the front end does.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use crate::environment::{Environment, Variable};

/// The variable that says which services there are.
pub const VARIABLE: &str = "FIRN_SERVICES";

/// How long a service may take to be ready, in seconds, if it does not say.
const PATIENCE: u64 = 60;

/// A service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Bash code that is run first.
    pub prepare: String,
    /// Bash code that is the service.
    pub start: String,
    /// Bash code that succeeds once the service can be used.
    pub ready: String,
    /// The port it would like, 0 for any; nothing if it takes none.
    pub port: Option<u16>,
    /// The signal that asks it to end.
    pub stop: Stop,
    /// Whether it refuses to run as root, who then appears to be an ordinary user to it.
    pub ordinary: bool,
    /// How long it may take to be ready, in seconds.
    pub patience: u64,
    /// Variables for those who use it.
    pub variables: BTreeMap<String, String>,
}

/// A signal that asks for an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stop {
    /// `TERM`.
    #[default]
    Terminate,
    /// `INT`.
    Interrupt,
    /// `QUIT`.
    Quit,
}

/// What a service was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Its port, 0 if it takes none.
    pub port: u16,
    /// Its directory.
    pub state: String,
}

impl Given {
    /// A text with the port and the directory in their places.
    pub fn fill(&self, text: &str) -> String {
        text.replace("@port@", &self.port.to_string())
            .replace("@state@", &self.state)
    }
}

/// Why the services of an environment are not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServicesError {
    /// The variable holds something that is no JSON, or no set.
    NotJson(String),
    /// A name cannot be that of a directory.
    BadName(String),
    /// A part of a service is missing or of another type than it should be.
    BadField(String, &'static str),
}

impl fmt::Display for ServicesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJson(error) => write!(f, "'{VARIABLE}' is no set of services: {error}"),
            Self::BadName(name) => write!(
                f,
                "'{name}' is no name for a service: letters, digits, '-' and '_' are"
            ),
            Self::BadField(name, field) => {
                write!(f, "service '{name}' has no '{field}' of the right type")
            }
        }
    }
}

impl std::error::Error for ServicesError {}

/// The services of an environment, in the order of names.
///
/// # Errors
/// If they are not stated as they should be.
pub fn services_of(environment: &Environment) -> Result<Vec<Service>, ServicesError> {
    let text = match environment.variables.get(VARIABLE) {
        Some(Variable::Exported(text) | Variable::Plain(text)) if !text.is_empty() => text,
        _ => return Ok(Vec::new()),
    };
    let value: Value =
        serde_json::from_str(text).map_err(|error| ServicesError::NotJson(error.to_string()))?;
    let Some(services) = value.as_object() else {
        return Err(ServicesError::NotJson("it is something else".to_owned()));
    };
    services
        .iter()
        .map(|(name, value)| service(name, value))
        .collect()
}

fn service(name: &str, value: &Value) -> Result<Service, ServicesError> {
    let is_letter = |it: u8| it.is_ascii_alphanumeric() || it == b'-' || it == b'_';
    if name.is_empty() || !name.bytes().all(is_letter) {
        return Err(ServicesError::BadName(name.to_owned()));
    }
    let bad = |field| ServicesError::BadField(name.to_owned(), field);
    let optional = |field| match &value[field] {
        Value::Null => Ok(""),
        other => other.as_str().ok_or_else(|| bad(field)),
    };
    let port = match &value["port"] {
        Value::Null => None,
        other => {
            let port = other.as_u64().and_then(|it| u16::try_from(it).ok());
            Some(port.ok_or_else(|| bad("port"))?)
        }
    };
    let stop = match optional("stop")? {
        "" | "TERM" => Stop::Terminate,
        "INT" => Stop::Interrupt,
        "QUIT" => Stop::Quit,
        _ => return Err(bad("stop")),
    };
    let mut variables = BTreeMap::new();
    for (variable, text) in value["variables"].as_object().into_iter().flatten() {
        let text = text.as_str().ok_or_else(|| bad("variables"))?;
        variables.insert(variable.clone(), text.to_owned());
    }
    let patience = match &value["patience"] {
        Value::Null => PATIENCE,
        other => other.as_u64().ok_or_else(|| bad("patience"))?,
    };
    let ordinary = match &value["ordinary"] {
        Value::Null => false,
        other => other.as_bool().ok_or_else(|| bad("ordinary"))?,
    };
    Ok(Service {
        name: name.to_owned(),
        prepare: optional("prepare")?.to_owned(),
        start: value["start"]
            .as_str()
            .ok_or_else(|| bad("start"))?
            .to_owned(),
        ready: optional("ready")?.to_owned(),
        port,
        stop,
        ordinary,
        patience,
        variables,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<Service>, String> {
        let mut environment = Environment::default();
        let variable = Variable::Exported(text.to_owned());
        environment.variables.insert(VARIABLE.to_owned(), variable);
        services_of(&environment).map_err(|it| it.to_string())
    }

    #[test]
    fn services_are_read() {
        let text = r#"{"db": {"start": "run --port @port@ --in @state@", "port": 5432, "stop": "INT", "variables": {"PGPORT": "@port@"}}}"#;
        let services = parsed(text).expect("they are right");
        let given = Given {
            port: 7,
            state: "/s".to_owned(),
        };
        assert_eq!(given.fill(&services[0].start), "run --port 7 --in /s");
        assert_eq!(services[0].port, Some(5432));
        assert_eq!(services[0].stop, Stop::Interrupt);
        assert_eq!(services[0].variables["PGPORT"], "@port@");
        assert_eq!(services_of(&Environment::default()), Ok(Vec::new()));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let check = |text: &str, expected: &str| {
            let error = parsed(text).err().unwrap_or_default();
            assert!(error.contains(expected), "{error}");
        };
        check("nonsense", "no set of services");
        check("[]", "no set of services");
        check(r#"{"../x": {"start": ""}}"#, "no name for a service");
        check(r#"{"x": {}}"#, "service 'x' has no 'start'");
        check(r#"{"x": {"start": "", "port": 70000}}"#, "no 'port'");
        check(r#"{"x": {"start": "", "stop": "KILL"}}"#, "no 'stop'");
        check(r#"{"x": {"start": "", "ordinary": 1}}"#, "no 'ordinary'");
    }
}
