//! Structs as objects: packed under a digest, or sealed under a name.
//!
//! The same value gives the same bytes as long as it serialises in one order (no hash maps).

use bytes::Bytes;
use schemas::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::key::{Check, Key};
use crate::seal;
use crate::store::{Put, Store, off_runtime};

impl Store {
    /// Writes a struct under the digest of its packed bytes: `put_packed(Key::sources, &pack)`.
    ///
    /// # Errors
    /// [`Error::Encode`], [`Error::Backend`].
    pub async fn put_packed<T: Serialize>(
        &self,
        place: impl FnOnce(Digest) -> Key,
        value: &T,
    ) -> Result<Digest> {
        let payload = msgpack("packed object", value)?;
        let packed = off_runtime(payload.len(), move || seal::pack(&payload)).await?;
        let packed = packed.map_err(|reason| Error::encode("packed object", reason))?;
        self.put_blob(place, packed.into()).await
    }

    /// Reads what [`Store::put_packed`] wrote.
    ///
    /// # Errors
    /// [`Error::Decode`] (sound, but not a `T`), [`Error::NotFound`], [`Error::Corrupt`], [`Error::Backend`].
    pub async fn get_packed<T: DeserializeOwned>(&self, key: &Key) -> Result<T> {
        let packed = self.get_blob(key).await?;
        let payload = off_runtime(packed.len(), move || seal::unpack(&packed)).await?;
        let payload = payload.map_err(|reason| self.corrupt(key, reason))?;
        rmp_serde::from_slice(&payload).map_err(|error| Error::decode(key, error))
    }

    /// Writes a struct once under a name, with a seal. A damaged one is replaced; a sound one with other content
    /// stays and is reported as [`Put::OtherThere`].
    ///
    /// # Errors
    /// [`Error::Encode`] (also if `key` is not of a sealed kind), [`Error::Backend`].
    ///
    /// # Cancel safety
    /// The object is written whole or not at all.
    pub async fn put_sealed<T: Serialize>(&self, key: &Key, value: &T) -> Result<Put> {
        let sealed = sealed(key, value).await?;
        self.create(key, sealed.into()).await
    }

    /// Writes a struct with a seal over whatever is there: for pointers to the newest of something.
    ///
    /// # Errors
    /// As [`Store::put_sealed`].
    ///
    /// # Cancel safety
    /// The object is written whole or not at all.
    pub async fn put_pointer<T: Serialize>(&self, key: &Key, value: &T) -> Result<()> {
        let sealed = sealed(key, value).await?;
        self.overwrite(key, sealed.into()).await
    }

    /// Reads what [`Store::put_sealed`] or [`Store::put_pointer`] wrote.
    ///
    /// # Errors
    /// [`Error::Decode`] (sound, but not a `T`), [`Error::NotFound`], [`Error::Corrupt`], [`Error::Backend`].
    pub async fn get_sealed<T: DeserializeOwned>(&self, key: &Key) -> Result<T> {
        let sealed = self.read(key).await?;
        let payload = off_runtime(sealed.len(), move || seal::unseal(&sealed)).await?;
        let payload = payload.map_err(|reason| self.corrupt(key, reason))?;
        rmp_serde::from_slice(&payload).map_err(|error| Error::decode(key, error))
    }
}

fn msgpack<T: Serialize>(what: impl ToString, value: &T) -> Result<Vec<u8>> {
    rmp_serde::to_vec_named(value).map_err(|error| Error::encode(what, error))
}

async fn sealed<T: Serialize>(key: &Key, value: &T) -> Result<Bytes> {
    if key.check() != Check::Sealed {
        return Err(Error::encode(key, "objects of this kind are not sealed"));
    }
    let payload = msgpack(key, value)?;
    let sealed = off_runtime(payload.len(), move || seal::seal(&payload)).await?;
    Ok(sealed.map_err(|reason| Error::encode(key, reason))?.into())
}
