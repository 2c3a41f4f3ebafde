//! A status page as Statuspage models it: components with a status, and incidents that are opened, updated
//! and resolved. It keeps metadata verbatim, because callers find their own incident by it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::refusal::Refusal;

/// One component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Its id.
    pub id: String,
    /// The page's id.
    pub page_id: String,
    /// Its name.
    pub name: String,
    /// `operational`, `major_outage` and so on.
    pub status: String,
    /// When it changed last, RFC 3339.
    pub updated_at: String,
}

/// One message of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentUpdate {
    /// Its id.
    pub id: String,
    /// The incident's status with it.
    pub status: String,
    /// The text for people.
    pub body: String,
    /// When it was posted, RFC 3339.
    pub created_at: String,
}

/// One incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Its id.
    pub id: String,
    /// The page's id.
    pub page_id: String,
    /// Its title.
    pub name: String,
    /// `investigating`, `identified`, `monitoring` or `resolved`.
    pub status: String,
    /// `none`, `minor`, `major` or `critical`.
    pub impact: String,
    /// What callers stored with it.
    pub metadata: Value,
    /// When it was opened, RFC 3339.
    pub created_at: String,
    /// When it changed last, RFC 3339.
    pub updated_at: String,
    /// When it was resolved, RFC 3339.
    pub resolved_at: Option<String>,
    /// Components it affects, as they were at its last update.
    pub components: Vec<Component>,
    /// Its messages, newest first.
    pub incident_updates: Vec<IncidentUpdate>,
    /// The draft of its post-mortem.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postmortem_draft: Option<String>,
}

/// What a caller asks of an incident; everything but the title may be left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IncidentRequest {
    /// Title, required to open one; at most 255 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Status to reach.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Impact instead of the one computed from components.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub impact_override: Option<String>,
    /// Text for people; at most 25,000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Components that are affected.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub component_ids: Vec<String>,
    /// New status of components, by id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub components: BTreeMap<String, String>,
    /// Anything to keep with the incident.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Value>,
}

const INCIDENT_STATUSES: [&str; 4] = ["investigating", "identified", "monitoring", "resolved"];
const COMPONENT_STATUSES: [&str; 5] =
    ["operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage"];
const IMPACTS: [&str; 5] = ["none", "maintenance", "minor", "major", "critical"];
/// Statuspage's own limits, in characters.
const NAME_MAX: usize = 255;
const BODY_MAX: usize = 25_000;
/// A thousand incidents: a page lists no more, and a test makes a handful.
const INCIDENTS_MAX: usize = 1_000;

/// The page.
#[derive(Debug, Clone)]
pub struct StatusPage {
    page: String,
    components: BTreeMap<String, Component>,
    incidents: Vec<Incident>,
}

impl StatusPage {
    /// A page with one operational component.
    #[must_use]
    pub fn new(page: &str, component: &str, name: &str, now: String) -> Self {
        let (id, page_id, status) = (component.to_owned(), page.to_owned(), "operational".to_owned());
        let component = Component { id, page_id, name: name.into(), status, updated_at: now };
        let components = [(component.id.clone(), component)].into();
        StatusPage { page: page.into(), components, incidents: Vec::new() }
    }

    /// Incidents, newest first; with `unresolved`, only those that are not over.
    ///
    /// # Errors
    /// 404 for another page.
    pub fn incidents(&self, page: &str, unresolved: bool) -> Result<Vec<Incident>, Refusal> {
        self.check_page(page)?;
        let wanted = |incident: &&Incident| !unresolved || incident.status != "resolved";
        Ok(self.incidents.iter().rev().filter(wanted).cloned().collect())
    }

    /// Every incident, oldest first.
    #[must_use]
    pub fn all(&self) -> &[Incident] {
        &self.incidents
    }

    /// Every component.
    #[must_use]
    pub fn components(&self) -> Vec<Component> {
        self.components.values().cloned().collect()
    }

    /// Opens an incident. `ids` are for the incident and its first message, `now` is RFC 3339.
    ///
    /// # Errors
    /// 404 for another page, 422 for what the page does not take.
    pub fn open(
        &mut self,
        page: &str,
        asked: &IncidentRequest,
        ids: [String; 2],
        now: &str,
    ) -> Result<Incident, Refusal> {
        self.check_page(page)?;
        self.check(asked)?;
        let name = asked
            .name
            .clone()
            .filter(|name| !name.is_empty())
            .ok_or_else(|| invalid("Name can't be blank"))?;
        if self.incidents.len() == INCIDENTS_MAX {
            self.incidents.remove(0);
        }
        let [id, update] = ids;
        self.incidents.push(Incident {
            id,
            page_id: page.into(),
            name,
            status: "investigating".into(),
            impact: "none".into(),
            metadata: Value::Object(serde_json::Map::new()),
            created_at: now.into(),
            updated_at: now.into(),
            resolved_at: None,
            components: Vec::new(),
            incident_updates: Vec::new(),
            postmortem_draft: None,
        });
        Ok(self.apply(self.incidents.len() - 1, asked, update, now))
    }

    /// Updates an incident.
    ///
    /// # Errors
    /// 404 for an unknown page or incident, 422 for what the page does not take.
    pub fn update(
        &mut self,
        page: &str,
        incident: &str,
        asked: &IncidentRequest,
        update: String,
        now: &str,
    ) -> Result<Incident, Refusal> {
        self.check_page(page)?;
        let index = self.incidents.iter().position(|known| known.id == incident).ok_or_else(not_found)?;
        self.check(asked)?;
        Ok(self.apply(index, asked, update, now))
    }

    /// Puts the draft of a post-mortem to an incident that is resolved.
    ///
    /// # Errors
    /// 404 for an unknown page or incident, 422 for an incident that is not over.
    pub fn draft(&mut self, page: &str, incident: &str, body: &str) -> Result<Incident, Refusal> {
        self.check_page(page)?;
        let known = self.incidents.iter_mut().find(|known| known.id == incident).ok_or_else(not_found)?;
        if known.status != "resolved" {
            return Err(invalid("Incident must be resolved"));
        }
        known.postmortem_draft = Some(body.to_owned());
        Ok(known.clone())
    }

    /// Sets a component's status.
    ///
    /// # Errors
    /// 404 for an unknown page or component, 422 for an unknown status.
    pub fn set_component(
        &mut self,
        page: &str,
        id: &str,
        status: &str,
        now: &str,
    ) -> Result<Component, Refusal> {
        self.check_page(page)?;
        check_one("Component status", status, &COMPONENT_STATUSES)?;
        let component = self.components.get_mut(id).ok_or_else(not_found)?;
        component.status = status.into();
        component.updated_at = now.into();
        Ok(component.clone())
    }

    fn apply(&mut self, index: usize, asked: &IncidentRequest, update: String, now: &str) -> Incident {
        for (id, status) in &asked.components {
            if let Some(component) = self.components.get_mut(id) {
                component.status.clone_from(status);
                component.updated_at = now.into();
            }
        }
        let incident = &mut self.incidents[index];
        incident.updated_at = now.into();
        if let Some(name) = &asked.name {
            incident.name.clone_from(name);
        }
        if let Some(status) = &asked.status {
            incident.status.clone_from(status);
            incident.resolved_at = (status == "resolved").then(|| now.to_owned());
        }
        if let Some(impact) = &asked.impact_override {
            incident.impact.clone_from(impact);
        }
        if let Some(metadata) = &asked.metadata {
            incident.metadata = metadata.clone();
        }
        let mut affected: Vec<&String> = incident.components.iter().map(|component| &component.id).collect();
        affected.extend(asked.component_ids.iter().chain(asked.components.keys()));
        affected.sort();
        affected.dedup();
        incident.components =
            affected.into_iter().filter_map(|id| self.components.get(id).cloned()).collect();
        if asked.status.is_some() || asked.body.is_some() || incident.incident_updates.is_empty() {
            let body = asked.body.clone().unwrap_or_default();
            let message =
                IncidentUpdate { id: update, status: incident.status.clone(), body, created_at: now.into() };
            incident.incident_updates.insert(0, message);
        }
        incident.clone()
    }

    fn check_page(&self, page: &str) -> Result<(), Refusal> {
        (self.page == page).then_some(()).ok_or_else(not_found)
    }

    fn check(&self, asked: &IncidentRequest) -> Result<(), Refusal> {
        if let Some(status) = &asked.status {
            check_one("Status", status, &INCIDENT_STATUSES)?;
        }
        if let Some(impact) = &asked.impact_override {
            check_one("Impact override", impact, &IMPACTS)?;
        }
        for status in asked.components.values() {
            check_one("Component status", status, &COMPONENT_STATUSES)?;
        }
        let mut named = asked.component_ids.iter().chain(asked.components.keys());
        if let Some(id) = named.find(|id| !self.components.contains_key(*id)) {
            return Err(invalid(&format!("Component {id} is not on this page")));
        }
        let too_long =
            |text: &Option<String>, max: usize| text.as_ref().is_some_and(|text| text.chars().count() > max);
        match (too_long(&asked.name, NAME_MAX), too_long(&asked.body, BODY_MAX)) {
            (true, _) => Err(invalid("Name is too long (maximum is 255 characters)")),
            (_, true) => Err(invalid("Body is too long (maximum is 25000 characters)")),
            (false, false) => Ok(()),
        }
    }
}

fn check_one(what: &str, value: &str, allowed: &[&str]) -> Result<(), Refusal> {
    allowed
        .contains(&value)
        .then_some(())
        .ok_or_else(|| invalid(&format!("{what} {value} is not one of {allowed:?}")))
}

fn invalid(message: &str) -> Refusal {
    Refusal::new(422, "unprocessable_entity", message)
}

fn not_found() -> Refusal {
    Refusal::new(404, "not_found", "Record not found")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn page() -> StatusPage {
        StatusPage::new("page", "web", "Shop", "2026-01-01T00:00:00Z".into())
    }

    fn request(value: Value) -> IncidentRequest {
        serde_json::from_value(value).unwrap()
    }

    /// Goal: an incident is found by its metadata while it is open, takes component statuses along, and
    /// leaves the unresolved list when it is resolved.
    /// Method: open, find, resolve, list, draft a post-mortem.
    #[test]
    fn an_incident_lives_from_opening_to_resolution() {
        let mut page = page();
        let asked = request(json!({
            "name": "Shop is down", "body": "Looking", "impact_override": "major",
            "components": {"web": "major_outage"}, "metadata": {"quorate": {"id": "e1"}},
        }));
        let opened = page.open("page", &asked, ["i1".into(), "u1".into()], "T1").unwrap();
        assert_eq!(
            (opened.status.as_str(), opened.components[0].status.as_str()),
            ("investigating", "major_outage")
        );
        assert_eq!(page.incidents("page", true).unwrap()[0].metadata["quorate"]["id"], "e1");
        assert_eq!(page.draft("page", "i1", "why").unwrap_err().status, 422, "it is not over");
        let over = request(json!({"status": "resolved", "components": {"web": "operational"}}));
        let resolved = page.update("page", "i1", &over, "u2".into(), "T2").unwrap();
        assert_eq!((resolved.resolved_at.as_deref(), resolved.incident_updates.len()), (Some("T2"), 2));
        assert_eq!(resolved.metadata["quorate"]["id"], "e1");
        assert!(page.incidents("page", true).unwrap().is_empty());
        assert_eq!(page.incidents("page", false).unwrap().len(), 1);
        assert_eq!(page.components()[0].status, "operational");
        assert_eq!(page.draft("page", "i1", "why").unwrap().postmortem_draft.as_deref(), Some("why"));
        assert_eq!(page.draft("page", "i2", "why").unwrap_err().status, 404);
    }

    /// Goal: unknown pages, incidents and components are 404, bad words and lengths are 422.
    /// Method: ask for each.
    #[test]
    fn bad_requests_are_refused() {
        let mut page = page();
        let mut open = |name: &str, value| {
            page.open(name, &request(value), ["i".into(), "u".into()], "T").unwrap_err().status
        };
        assert_eq!(open("other", json!({"name": "x"})), 404);
        assert_eq!(open("page", json!({})), 422);
        assert_eq!(open("page", json!({"name": "x", "status": "done"})), 422);
        assert_eq!(open("page", json!({"name": "x", "components": {"web": "gone"}})), 422);
        assert_eq!(open("page", json!({"name": "x", "component_ids": ["db"]})), 422);
        assert_eq!(open("page", json!({"name": "x".repeat(256)})), 422);
        assert_eq!(page.update("page", "i", &request(json!({})), "u".into(), "T").unwrap_err().status, 404);
        assert_eq!(page.set_component("page", "db", "operational", "T").unwrap_err().status, 404);
        assert_eq!(page.set_component("page", "web", "fine", "T").unwrap_err().status, 422);
    }
}
