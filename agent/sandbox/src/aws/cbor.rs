//! CBOR as Smithy RPC v2 uses it, read into JSON values: maps with texts as keys, and moments as numbers.

use minicbor::data::Type;
use minicbor::decode::{Decoder, Error};
use serde_json::{Map, Value};

/// 32: deeper than any request of AWS, and shallow enough for the stack.
const DEPTH_MAX: usize = 32;

/// Reads one value.
pub(super) fn read(bytes: &[u8]) -> Result<Value, Error> {
    value(&mut Decoder::new(bytes), DEPTH_MAX)
}

fn value(decoder: &mut Decoder<'_>, depth: usize) -> Result<Value, Error> {
    if depth == 0 {
        return Err(Error::message("the value is nested too deeply"));
    }
    Ok(match decoder.datatype()? {
        Type::Null | Type::Undefined => {
            decoder.skip()?;
            Value::Null
        }
        Type::Bool => decoder.bool()?.into(),
        Type::F16 | Type::F32 | Type::F64 => decoder.f64()?.into(),
        Type::String | Type::StringIndef => text(decoder)?.into(),
        Type::Tag => {
            // The one tag of this protocol is that of moments, and what it tags says enough.
            decoder.tag()?;
            value(decoder, depth - 1)?
        }
        Type::Array | Type::ArrayIndef => {
            let mut left = decoder.array()?;
            let mut items = Vec::new();
            while another(decoder, &mut left)? {
                items.push(value(decoder, depth - 1)?);
            }
            Value::Array(items)
        }
        Type::Map | Type::MapIndef => {
            let mut left = decoder.map()?;
            let mut fields = Map::new();
            while another(decoder, &mut left)? {
                let name = text(decoder)?;
                fields.insert(name, value(decoder, depth - 1)?);
            }
            Value::Object(fields)
        }
        Type::U8 | Type::U16 | Type::U32 | Type::U64 | Type::I8 | Type::I16 | Type::I32 | Type::I64 => {
            decoder.i64()?.into()
        }
        other => return Err(Error::message(format!("no request holds {other}"))),
    })
}

/// Whether a list goes on: by its count, or until the break that ends it.
fn another(decoder: &mut Decoder<'_>, left: &mut Option<u64>) -> Result<bool, Error> {
    match left {
        Some(0) => Ok(false),
        Some(count) => {
            *count -= 1;
            Ok(true)
        }
        None if decoder.datatype()? == Type::Break => decoder.skip().map(|()| false),
        None => Ok(true),
    }
}

fn text(decoder: &mut Decoder<'_>) -> Result<String, Error> {
    decoder.str_iter()?.collect::<Result<String, Error>>()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: counted and uncounted lists, moments and numbers read as JSON; broken bytes are errors.
    /// Method: write one value of each kind by hand.
    #[test]
    fn values_are_read() {
        let mut encoder = minicbor::Encoder::new(Vec::new());
        encoder.begin_map().unwrap().str("At").unwrap();
        encoder.tag(minicbor::data::Tag::new(1)).unwrap().f64(1.5).unwrap();
        encoder.str("List").unwrap().array(2).unwrap().u32(7).unwrap().bool(true).unwrap();
        encoder.end().unwrap();
        let bytes = encoder.into_writer();
        assert_eq!(read(&bytes).unwrap(), serde_json::json!({"At": 1.5, "List": [7, true]}));
        assert!(read(&bytes[..bytes.len() - 1]).is_err());
        assert!(read(&[0x81; 100]).is_err());
    }
}
