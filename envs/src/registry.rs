//! From an id and parameters to a vector of episodes.
use crate::{
    env::Env,
    error::{Error, Result, nearest, parameter},
    modifiers::{MODIFIERS, Modified, Modifiers},
    multi::{MultiEnv, MultiVector},
    suite::ENVS,
    vector::{Vector, VectorEnv},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use std::sync::{PoisonError, RwLock};

/// Parameters by name, as they come from TOML or `--set key=value`; what is missing takes the world's default.
pub type Params = Map<String, Value>;

/// From a world's id, its parameters and a number of rows to a vector.
pub type Build = dyn Fn(&'static str, &Params, usize) -> Result<Box<dyn VectorEnv>> + Sync;

/// One world: of the suite, or registered by whoever uses this crate.
pub struct Entry {
    /// Its id, `family/name-vN`.
    pub id: &'static str,
    source: &'static str,
    build: &'static Build,
    agents: fn(&'static str, &Params) -> Result<usize>,
}

/// Worlds that are not of the suite.
static REGISTERED: RwLock<Vec<&'static Entry>> = RwLock::new(Vec::new());

/// A world with other defaults, under an id and a page of its own.
pub trait Variant: 'static {
    /// The world.
    type World: Env;
    /// The parameters that this id has unless told otherwise.
    fn defaults() -> Self::World;
}

impl<E: Env> Variant for E {
    type World = E;
    fn defaults() -> E {
        E::default()
    }
}

impl Entry {
    /// The world `V` under `id`; `source` is the text of its file, whose module documentation is the world's page.
    pub const fn new<V: Variant>(id: &'static str, source: &'static str) -> Self {
        Entry { id, source, build: &build::<V>, agents: |_, _| Ok(1) }
    }
    /// The world `E` with several agents, as [`new`](Entry::new).
    pub const fn multi<E: MultiEnv>(id: &'static str, source: &'static str) -> Self {
        Entry { id, source, build: &build_multi::<E>, agents: agents::<E> }
    }
    /// A world with one agent that makes its vectors by itself, such as one in another language.
    pub const fn custom(id: &'static str, source: &'static str, build: &'static Build) -> Self {
        Entry { id, source, build, agents: |_, _| Ok(1) }
    }
    /// The world's page in Markdown: story, equations, observation, reward, parameters, history.
    pub fn page(&self) -> String {
        let lines = self.source.lines().take_while(|line| line.starts_with("//!"));
        lines.map(|line| format!("{}\n", line.trim_start_matches("//!").trim_start_matches(' '))).collect()
    }
    /// The first sentence of the page, without its heading marks.
    pub fn about(&self) -> String {
        self.page().lines().next().unwrap_or_default().trim_start_matches("# ").to_string()
    }
    /// What the page says of the parameter `name` between the parentheses after it: its range and default.
    pub fn range(&self, name: &str) -> Option<String> {
        let page = self.page();
        let rows = page.lines().filter(|line| line.starts_with("| Parameters"));
        let start = format!("`{name}` (");
        rows.filter_map(|row| row.split_once(&start)).find_map(|(_, rest)| {
            let mut open = 1;
            let end = rest.char_indices().find(|&(_, c)| {
                open += i32::from(c == '(') - i32::from(c == ')');
                open == 0
            });
            end.map(|(end, _)| rest[..end].to_string())
        })
    }
    /// Agents of one world: the number of rows must be a multiple of it.
    ///
    /// # Errors
    /// When a parameter is unknown or not admissible.
    pub fn agents(&self, params: &Params) -> Result<usize> {
        (self.agents)(self.id, &divided(params).0)
    }
    /// `rows`, or a few more: as many as whole worlds have.
    ///
    /// # Errors
    /// When a parameter is unknown or not admissible.
    pub fn whole(&self, params: &Params, rows: usize) -> Result<usize> {
        Ok(rows.next_multiple_of(self.agents(params)?))
    }
    /// One world, with as many rows as it has agents.
    ///
    /// # Errors
    /// When a parameter is unknown or not admissible.
    pub fn one(&self, params: &Params) -> Result<Box<dyn VectorEnv>> {
        self.make(params, self.agents(params)?)
    }
    /// `rows` episodes of this world, with the [modifiers](crate::modifiers) among `params` that differ from their defaults.
    ///
    /// # Errors
    /// When a parameter is unknown or not admissible.
    pub fn make(&self, params: &Params, rows: usize) -> Result<Box<dyn VectorEnv>> {
        let (own, modifying) = divided(params);
        let (id, build) = (self.id, self.build);
        let world = build(id, &own, rows)?;
        let modifiers: Modifiers = typed(id, &Modifiers::default(), &modifying)?;
        let (Ok(Value::Object(set)), Ok(unset)) = (to_json(&modifiers), to_json(&Modifiers::default())) else {
            return Err(Error::Restore("modifiers are not a table".into()));
        };
        let used: Params = set.into_iter().filter(|(key, value)| *value != unset[key]).collect();
        if used.is_empty() {
            return Ok(world);
        }
        let again = Box::new(move |rows| build(id, &own, rows));
        Ok(Box::new(Modified::new(world, modifiers, Value::Object(used), again)?))
    }
}

/// Makes a world of one's own known by its id, for everything that finds worlds by theirs: experiments, rollouts,
/// agents. Lists of the suite do not show it. A later registration of the same id replaces the earlier one.
///
/// # Errors
/// When the id is not `family/name-vN`, or is one of the suite's, which never change.
pub fn register(entry: Entry) -> Result<()> {
    let id = entry.id;
    let parts = id.split_once('/').and_then(|(family, rest)| Some((family, rest.rsplit_once("-v")?)));
    let formed = |text: &str| !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c == '/');
    if !parts.is_some_and(|(family, (name, version))| {
        formed(family) && formed(name) && version.parse::<u32>().is_ok_and(|number| number.to_string() == version)
    }) {
        return Err(parameter("id", id, "of the form family/name-vN"));
    }
    if ENVS.iter().any(|entry| entry.id == id) {
        return Err(parameter("id", id, "another one than the suite's: their worlds never change"));
    }
    let mut registered = REGISTERED.write().unwrap_or_else(PoisonError::into_inner);
    registered.retain(|earlier| earlier.id != id);
    // Worlds are few and live as long as the program, like those of the suite.
    registered.push(Box::leak(Box::new(entry)));
    Ok(())
}

/// The world called `id`.
///
/// # Errors
/// Names the nearest ids when there is none.
pub fn find(id: &str) -> Result<&'static Entry> {
    if let Some(entry) = ENVS.iter().find(|entry| entry.id == id) {
        return Ok(entry);
    }
    let registered = REGISTERED.read().unwrap_or_else(PoisonError::into_inner);
    registered.iter().find(|entry| entry.id == id).copied().ok_or_else(|| {
        let ids = ENVS.iter().map(|entry| entry.id).chain(registered.iter().map(|entry| entry.id));
        let near = nearest(id, ids);
        Error::UnknownEnv { id: id.into(), nearest: if near.is_empty() { "none".into() } else { near.join(", ") } }
    })
}

/// `rows` episodes of the world called `id`.
///
/// # Errors
/// When the id or a parameter is unknown, or a value is not admissible.
pub fn make(id: &str, params: &Params, rows: usize) -> Result<Box<dyn VectorEnv>> {
    find(id)?.make(params, rows)
}

/// Reads `key=value`: the value as a TOML value where it is one (number, boolean, list), else as a string.
///
/// # Errors
/// When there is no `=` or no key.
pub fn assignment(text: &str) -> Result<(String, Value)> {
    let (key, value) = text.split_once('=').ok_or_else(|| Error::Assignment(text.into()))?;
    let (key, value) = (key.trim(), value.trim());
    if key.is_empty() {
        return Err(Error::Assignment(text.into()));
    }
    let parsed = toml::from_str::<Map<String, Value>>(&format!("value = {value}"));
    let value = parsed.ok().and_then(|mut table| table.remove("value")).unwrap_or_else(|| value.into());
    Ok((key.into(), value))
}

/// `value` as JSON by way of text, so that an f32 keeps its shortest form: 0.1, not 0.10000000149011612.
pub fn to_json<T: serde::Serialize>(value: &T) -> serde_json::Result<Value> {
    serde_json::from_str(&serde_json::to_string(value)?)
}

/// The parameters of the world itself, and those of its modifiers.
fn divided(params: &Params) -> (Params, Params) {
    let all = params.iter().map(|(key, value)| (key.clone(), value.clone()));
    all.partition(|(key, _)| MODIFIERS.iter().all(|modifier| modifier.name != key))
}

fn build<V: Variant>(id: &'static str, params: &Params, rows: usize) -> Result<Box<dyn VectorEnv>> {
    Ok(Box::new(Vector::new(id, typed(id, &V::defaults(), params)?, rows)?))
}

fn build_multi<E: MultiEnv>(id: &'static str, params: &Params, rows: usize) -> Result<Box<dyn VectorEnv>> {
    Ok(Box::new(MultiVector::new(id, typed(id, &E::default(), params)?, rows)?))
}

fn agents<E: MultiEnv>(id: &'static str, params: &Params) -> Result<usize> {
    let env = typed(id, &E::default(), params)?;
    env.validate()?;
    Ok(env.agents())
}

fn typed<E: Serialize + DeserializeOwned>(id: &str, defaults: &E, params: &Params) -> Result<E> {
    let read = |all: &Value| E::deserialize(all).map_err(|error| error.to_string());
    let all = completed(id, to_json(defaults), params, &|all| read(all).map(|_| ()))?;
    read(&all).map_err(Error::Restore)
}

/// The table `defaults` with `params` in it, each of which `fits` then.
fn completed(
    id: &str,
    defaults: serde_json::Result<Value>,
    params: &Params,
    fits: &dyn Fn(&Value) -> std::result::Result<(), String>,
) -> Result<Value> {
    let Ok(Value::Object(mut all)) = defaults else {
        return Err(Error::Restore(format!("parameters of {id} are not a table")));
    };
    for (key, value) in params {
        let before = replaced(id, &mut all, key, value)?;
        // One key at a time, so that the message can name the one that does not fit.
        if let Err(error) = fits(&Value::Object(all.clone())) {
            let range = format!("of the type of its default, {before} ({error})");
            return Err(Error::Parameter { name: key.clone(), value: value.to_string(), range });
        }
    }
    Ok(Value::Object(all))
}

/// Puts `value` in the place of the parameter `key`, and returns what stood there.
fn replaced(id: &str, all: &mut serde_json::Map<String, Value>, key: &str, value: &Value) -> Result<Value> {
    if let Some(slot) = all.get_mut(key) {
        return Ok(std::mem::replace(slot, value.clone()));
    }
    let modifiers = MODIFIERS.iter().map(|modifier| modifier.name);
    let near = nearest(key, all.keys().map(String::as_str).chain(modifiers));
    let nearest = if near.is_empty() {
        format!("none (it has: {})", all.keys().cloned().collect::<Vec<_>>().join(", "))
    } else {
        near.join(", ")
    };
    Err(Error::UnknownParameter { env: id.into(), key: key.into(), nearest })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_are_unique_well_formed_and_in_the_order_of_their_families() {
        for (i, entry) in ENVS.iter().enumerate() {
            let (family, rest) = entry.id.split_once('/').expect("family/name");
            let (name, version) = rest.rsplit_once("-v").expect("name-vN");
            assert!(!family.is_empty() && !name.is_empty() && version.parse::<u32>().is_ok(), "{}", entry.id);
            assert!(ENVS[..i].iter().all(|earlier| earlier.id != entry.id), "{} twice", entry.id);
        }
    }

    #[test]
    fn ranges_come_from_the_page() {
        let chain = find("classic/chain-v1").expect("world");
        assert_eq!(chain.range("length").as_deref(), Some("2 to 64, default 8"));
        assert_eq!(chain.range("no such"), None);
        let cascade = find("rec/slate-cascade-v1").expect("world").range("attraction").expect("a range");
        assert!(cascade.ends_with("for ten items i"), "{cascade}");
    }

    #[test]
    fn unknown_ids_and_keys_name_the_nearest() {
        let error = make("rec/markov-intrest-v1", &Params::new(), 1).err().expect("no such world").to_string();
        assert!(error.contains("rec/markov-interest-v1"), "{error}");
        let params = Params::from_iter([("lenght".to_string(), json!(3))]);
        let error = make("classic/chain-v1", &params, 1).err().expect("no such key").to_string();
        assert!(error.contains("length"), "{error}");
    }

    #[test]
    fn a_world_of_ones_own_is_found_by_its_id_and_never_stands_for_one_of_the_suite() {
        use crate::suite::classic::chain::Chain;
        for id in ["chain", "own/chain", "own/chain-vx", "own/chain-v01", "/chain-v1", "own/-v1", "a b/chain-v1"] {
            assert!(register(Entry::new::<Chain>(id, "")).is_err(), "{id}");
        }
        let taken = register(Entry::new::<Chain>("classic/chain-v1", "")).expect_err("taken").to_string();
        assert!(taken.contains("never change"), "{taken}");
        assert!(make("own/chain-v1", &Params::new(), 2).is_err());
        register(Entry::new::<Chain>("own/chain-v1", "//! # First")).expect("first");
        register(Entry::new::<Chain>("own/chain-v1", "//! # Second")).expect("again");
        assert_eq!(find("own/chain-v1").expect("world").about(), "Second");
        assert_eq!(make("own/chain-v1", &Params::new(), 2).expect("world").spec().id, "own/chain-v1");
        let near = make("own/chian-v1", &Params::new(), 1).err().expect("no such world").to_string();
        assert!(near.contains("own/chain-v1"), "{near}");
    }

    #[test]
    fn values_of_the_wrong_type_name_their_key() {
        let params = Params::from_iter([("length".to_string(), json!("many"))]);
        let error = make("classic/chain-v1", &params, 1).err().expect("not a number").to_string();
        assert!(error.contains("`length`") || error.contains("length is"), "{error}");
    }

    #[test]
    fn assignments_keep_their_type() {
        assert_eq!(assignment("lr=1e-3").expect("float"), ("lr".into(), json!(0.001)));
        assert_eq!(assignment("hidden=[64, 64]").expect("list"), ("hidden".into(), json!([64, 64])));
        assert_eq!(assignment("mode=hidden").expect("string"), ("mode".into(), json!("hidden")));
        assert!(assignment("lr").is_err() && assignment("=3").is_err());
    }
}
