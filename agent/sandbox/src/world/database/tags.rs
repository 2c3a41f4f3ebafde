//! Tags of instances.

use super::{Databases, Instance, Tags, invalid_value, not_found};
use crate::world::refusal::Refusal;

/// 50: AWS's own limit of tags of one resource.
const TAGS_MAX: usize = 50;

impl Databases {
    /// Sets tags, and answers whether any changed.
    ///
    /// # Errors
    /// `InvalidParameterValue`, `DBInstanceNotFound`.
    pub fn tag(&mut self, region: &str, resource: &str, tags: &Tags) -> Result<bool, Refusal> {
        if let Some(key) = tags.keys().find(|key| key.is_empty() || key.starts_with("aws:")) {
            return Err(invalid_value(format!("Tag key {key:?} is not allowed.")));
        }
        let instance = self.tagged(region, resource)?;
        let mut all = instance.database.tags.clone();
        all.extend(tags.clone());
        if all.len() > TAGS_MAX {
            return Err(invalid_value("A resource has 50 tags at the most."));
        }
        Ok(std::mem::replace(&mut instance.database.tags, all.clone()) != all)
    }

    /// Takes tags away, and answers whether any was there.
    ///
    /// # Errors
    /// `InvalidParameterValue`, `DBInstanceNotFound`.
    pub fn untag(&mut self, region: &str, resource: &str, keys: &[String]) -> Result<bool, Refusal> {
        let tags = &mut self.tagged(region, resource)?.database.tags;
        let before = tags.len();
        tags.retain(|key, _| !keys.contains(key));
        Ok(tags.len() != before)
    }

    /// Reads tags.
    ///
    /// # Errors
    /// `InvalidParameterValue`, `DBInstanceNotFound`.
    pub fn tags(&mut self, region: &str, resource: &str) -> Result<Tags, Refusal> {
        Ok(self.tagged(region, resource)?.database.tags.clone())
    }

    fn tagged(&mut self, region: &str, resource: &str) -> Result<&mut Instance, Refusal> {
        if !resource.starts_with("arn:aws:rds:") {
            return Err(invalid_value(format!("Invalid resource name: {resource}")));
        }
        let found = self.by_arn.get_mut(resource).filter(|instance| instance.database.region == region);
        found.ok_or_else(|| not_found(resource))
    }
}
