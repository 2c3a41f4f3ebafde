//! A disk in memory that outlives the simulated host and fails as disks do.
//!
//! Writes go to a cache until they are synced. A power cut keeps each unsynced sector with probability one
//! half, so the last write may be torn. A handle of a crashed host can no longer write.
//!
//! A *lying* disk acknowledges each sync one too early. It exists to show that the simulation notices. A *full* disk takes
//! nothing that would make it longer, and nothing new at all.
#![allow(missing_docs, reason = "two simulations use it, and nothing else")]

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const SECTOR_BYTES: u64 = 512;

type Sectors = BTreeMap<u64, [u8; SECTOR_BYTES as usize]>;

#[derive(Debug)]
struct Platter {
    durable: Sectors,
    durable_length: u64,
    /// Acknowledged, and still not on the disk. Only a lying disk has any.
    claimed: Option<(Sectors, u64)>,
    cache: Sectors,
    length: u64,
    /// Raised by every opening and every crash; a handle of an older one is dead.
    generation: u64,
    lies: bool,
    full: bool,
    random: StdRng,
}

/// The disk itself.
#[derive(Debug, Clone)]
pub struct SimDisk(Arc<Mutex<Platter>>);

/// What the database holds of it.
#[derive(Debug)]
pub struct DiskHandle {
    disk: SimDisk,
    generation: u64,
}

impl SimDisk {
    pub fn new(seed: u64, lies: bool) -> Self {
        Self(Arc::new(Mutex::new(Platter {
            durable: Sectors::new(),
            durable_length: 0,
            claimed: None,
            cache: Sectors::new(),
            length: 0,
            generation: 0,
            lies,
            full: false,
            random: StdRng::seed_from_u64(seed),
        })))
    }

    pub fn open(&self) -> DiskHandle {
        let mut platter = self.platter();
        platter.generation += 1;
        DiskHandle { disk: self.clone(), generation: platter.generation }
    }

    /// Cuts the power.
    pub fn crash(&self) {
        let mut platter = self.platter();
        platter.generation += 1;
        let cache = std::mem::take(&mut platter.cache);
        if platter.lies {
            platter.claimed = None;
        } else {
            for (sector, bytes) in cache {
                if platter.random.random_bool(0.5) {
                    platter.durable.insert(sector, bytes);
                }
            }
            if platter.length > platter.durable_length && platter.random.random_bool(0.5) {
                platter.durable_length = platter.length;
            }
        }
        platter.length = platter.durable_length;
        let end = platter.length;
        platter.durable.retain(|sector, _| sector * SECTOR_BYTES < end);
    }

    /// Replaces the disk by an empty one.
    pub fn wipe(&self) {
        let mut platter = self.platter();
        platter.generation += 1;
        (platter.durable, platter.durable_length, platter.claimed) = (Sectors::new(), 0, None);
        (platter.cache, platter.length) = (Sectors::new(), 0);
    }

    /// Takes every further write from the disk, or gives it back.
    pub fn fill(&self, full: bool) {
        self.platter().full = full;
    }

    pub fn is_full(&self) -> bool {
        self.platter().full
    }

    /// A digest of what is durable, for the trace.
    pub fn digest(&self) -> u64 {
        let platter = self.platter();
        let bytes =
            platter.durable.iter().flat_map(|(sector, bytes)| sector.to_le_bytes().into_iter().chain(*bytes));
        bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
    }

    fn platter(&self) -> MutexGuard<'_, Platter> {
        self.0.lock().unwrap()
    }
}

impl Platter {
    fn sector(&self, sector: u64) -> [u8; SECTOR_BYTES as usize] {
        let claimed = self.claimed.as_ref().and_then(|(claimed, _)| claimed.get(&sector));
        let found = self.cache.get(&sector).or(claimed).or_else(|| self.durable.get(&sector));
        found.copied().unwrap_or([0; SECTOR_BYTES as usize])
    }

    fn sync(&mut self) {
        let written = std::mem::take(&mut self.cache);
        let settled = if self.lies {
            self.claimed.replace((written, self.length))
        } else {
            Some((written, self.length))
        };
        if let Some((sectors, length)) = settled {
            self.durable.extend(sectors);
            self.durable_length = length;
        }
    }
}

impl DiskHandle {
    fn platter(&self) -> io::Result<MutexGuard<'_, Platter>> {
        let platter = self.disk.platter();
        if platter.generation == self.generation {
            Ok(platter)
        } else {
            Err(io::Error::other("the host lost power"))
        }
    }
}

/// Splits a byte range at the sectors' borders: sector, offset in it, and the range in the caller's buffer.
fn pieces(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let start = (at % SECTOR_BYTES) as usize;
        let count = (SECTOR_BYTES as usize - start).min(length - done);
        let piece = (at / SECTOR_BYTES, start, done..done + count);
        done += count;
        (count > 0).then_some(piece)
    })
}

impl redb::StorageBackend for DiskHandle {
    fn len(&self) -> io::Result<u64> {
        Ok(self.platter()?.length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let platter = self.platter()?;
        if offset + out.len() as u64 > platter.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (sector, start, range) in pieces(offset, out.len()) {
            let count = range.len();
            out[range].copy_from_slice(&platter.sector(sector)[start..start + count]);
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut platter = self.platter()?;
        if platter.full && length > platter.length {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if length < platter.length {
            platter.cache.retain(|sector, _| sector * SECTOR_BYTES < length);
            platter.durable.retain(|sector, _| sector * SECTOR_BYTES < length);
            platter.durable_length = platter.durable_length.min(length);
        }
        platter.length = length;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.platter()?.sync();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut platter = self.platter()?;
        if platter.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        platter.length = platter.length.max(offset + data.len() as u64);
        for (sector, start, range) in pieces(offset, data.len()) {
            let mut bytes = platter.sector(sector);
            bytes[start..start + range.len()].copy_from_slice(&data[range]);
            platter.cache.insert(sector, bytes);
        }
        Ok(())
    }
}
