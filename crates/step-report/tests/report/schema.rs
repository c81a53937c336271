//! The JSON Schema describes what is written.

use serde_json::Value;

#[test]
fn every_key_of_a_report_is_in_the_schema() {
    let schema = step_report::json_schema();
    let top = schema["properties"].as_object().unwrap();
    let check = schema["$defs"]["Check"]["properties"].as_object().unwrap();
    for report in [
        crate::samples::validation(),
        crate::samples::evaluation(),
        crate::samples::drift(),
    ] {
        let json: Value = serde_json::from_str(&report.to_json()).unwrap();
        for key in json.as_object().unwrap().keys() {
            assert!(top.contains_key(key), "{key}");
        }
        for key in json["checks"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|check| check.as_object().unwrap().keys())
        {
            assert!(check.contains_key(key), "{key}");
        }
    }
    assert!(
        schema.get("additionalProperties").is_none(),
        "newer writers may add fields"
    );
    assert_eq!(
        schema["$defs"]["Outcome"]["oneOf"].as_array().map(Vec::len),
        Some(6)
    );
}
