//! Shapes of types of well-known crates, each crate behind its cargo feature.

#[cfg(feature = "chrono")]
mod chrono {
    use std::any::TypeId;

    use chrono::{
        DateTime, FixedOffset, Month, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc, Weekday,
    };

    use crate::snapshot::shape::{Shape, ShapeVisitor};

    named! {
        "chrono::Month" Month;
        "chrono::NaiveDate" NaiveDate;
        "chrono::NaiveDateTime" NaiveDateTime;
        "chrono::NaiveTime" NaiveTime;
        "chrono::TimeDelta" TimeDelta: Compound;
        "chrono::Weekday" Weekday;
    }

    /// A point in time is saved with its offset. All zones other than these two have the same shape.
    impl<Zone: TimeZone + 'static> Shape for DateTime<Zone> {
        fn shape(visitor: &mut ShapeVisitor) {
            let zone = TypeId::of::<Zone>();
            if zone == TypeId::of::<Utc>() {
                return visitor.name("chrono::DateTime<Utc>");
            }
            let is_fixed = zone == TypeId::of::<FixedOffset>();
            visitor.name(if is_fixed { "chrono::DateTime<FixedOffset>" } else { "chrono::DateTime<_>" });
            // Offsets are written to the minute, other zones not at all.
            visitor.doubt();
        }
    }
}

#[cfg(feature = "time")]
mod time {
    use time::{
        Date, Month, OffsetDateTime, PlainDateTime, SignedDuration, Time, Timestamp, UtcDateTime, UtcOffset,
        Weekday,
    };

    // Most of them are a string or an array in JSON, depending on the feature `serde-human-readable` of
    // `time`.
    named! {
        "time::Date" Date: Unknown;
        "time::Month" Month;
        "time::OffsetDateTime" OffsetDateTime: Unknown;
        "time::PlainDateTime" PlainDateTime: Unknown;
        "time::SignedDuration" SignedDuration: Unknown;
        "time::Time" Time: Unknown;
        "time::Timestamp" Timestamp;
        "time::UtcDateTime" UtcDateTime: Unknown;
        "time::UtcOffset" UtcOffset: Unknown;
        "time::Weekday" Weekday;
    }
}

#[cfg(feature = "uuid")]
mod uuid {
    named! {
        "uuid::Uuid" uuid::Uuid;
        "uuid::NonNilUuid" uuid::NonNilUuid;
        "uuid::Braced" uuid::fmt::Braced;
        "uuid::Hyphenated" uuid::fmt::Hyphenated;
        "uuid::Simple" uuid::fmt::Simple;
        "uuid::Urn" uuid::fmt::Urn;
    }
}

#[cfg(feature = "url")]
mod url {
    use url::Host;

    use crate::snapshot::shape::visitor::JsonForm;
    use crate::snapshot::shape::{Shape, ShapeVisitor};

    /// Some URLs that were changed by their setters parse as other URLs.
    impl Shape for url::Url {
        fn shape(visitor: &mut ShapeVisitor) {
            visitor.name("url::Url");
            visitor.doubt();
        }
    }

    impl<S: Shape> Shape for Host<S> {
        fn shape(visitor: &mut ShapeVisitor) {
            visitor.name("url::Host");
            visitor.visit::<S>();
            visitor.form(JsonForm::Compound);
        }
    }
}

/// Values whose form is known only when they are read: `codec = "json"` alone can carry them.
#[cfg(feature = "json")]
mod json {
    use serde_json::{Map, Number, Value};

    use crate::snapshot::shape::visitor::JsonForm;
    use crate::snapshot::shape::{Shape, ShapeVisitor};

    impl Shape for Value {
        fn shape(visitor: &mut ShapeVisitor) {
            visitor.name("serde_json::Value");
            visitor.self_describing("serde_json::Value");
            visitor.recursive();
            // An `Option` of it is common, and a `Some` of `Null` is refused when it is saved.
            visitor.form(JsonForm::Unknown);
        }
    }

    impl Shape for Number {
        fn shape(visitor: &mut ShapeVisitor) {
            visitor.name("serde_json::Number");
            visitor.self_describing("serde_json::Number");
        }
    }

    impl Shape for Map<String, Value> {
        fn shape(visitor: &mut ShapeVisitor) {
            visitor.name("serde_json::Map");
            visitor.visit::<Value>();
            visitor.form(JsonForm::Compound);
        }
    }
}
