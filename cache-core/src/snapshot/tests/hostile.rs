//! Files with right checksums and wrong intentions.
