//! Objects as the records of steps name them.

use provenance::{DataObject, Digest, ObjectReference};

use crate::location::LocationError;
use crate::object::ObjectMeta;
use crate::reference::{Access, Partition, Referred};

impl ObjectMeta {
    /// As `dataset.json` names it.
    #[must_use]
    pub fn record(&self, rows: u64, digest: Digest) -> DataObject {
        DataObject {
            uri: self.location.to_string(),
            size: self.size,
            etag: self.etag.clone(),
            version_id: self.version_id.clone(),
            rows,
            digest,
            reference: self.reference.as_ref().map(|reference| reference.record()),
        }
    }

    /// Of a record.
    ///
    /// # Errors
    /// Its `uri` is no location.
    pub fn recorded(object: &DataObject) -> Result<Self, LocationError> {
        let reference = object.reference.as_ref().map(|reference| {
            Box::new(Referred {
                name: reference.name.clone(),
                md5: None,
                access: Access {
                    endpoint: reference.endpoint.clone(),
                    ..Access::default()
                },
                partition: reference
                    .partition
                    .iter()
                    .map(|(column, value)| Partition {
                        column: column.clone(),
                        value: value.clone(),
                        kind: None,
                    })
                    .collect(),
            })
        });
        Ok(Self {
            location: object.uri.parse()?,
            size: object.size,
            etag: object.etag.clone(),
            version_id: object.version_id.clone(),
            modified: None,
            reference,
        })
    }
}

impl Referred {
    /// As `dataset.json` has it.
    #[must_use]
    pub fn record(&self) -> ObjectReference {
        let values = self.partition.iter();
        ObjectReference {
            name: self.name.clone(),
            endpoint: self.access.endpoint.clone(),
            partition: values
                .map(|part| (part.column.clone(), part.value.clone()))
                .collect(),
        }
    }
}
