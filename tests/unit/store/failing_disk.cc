#include "tests/unit/store/failing_disk.h"

#include <sqlite3.h>

#include <new>

namespace brine::store {
namespace {

// One open file: ours first, the real one behind it in the same allocation.
struct ShimFile {
  sqlite3_file base;
  FailingDisk* disk;
  FailingDisk::File kind;
  sqlite3_file* real;
};

ShimFile* shim(sqlite3_file* file) { return reinterpret_cast<ShimFile*>(file); }
sqlite3_file* real(sqlite3_file* file) { return shim(file)->real; }
const sqlite3_io_methods* io(sqlite3_file* file) { return real(file)->pMethods; }
sqlite3_vfs* real_vfs() { return sqlite3_vfs_find("unix"); }

int shim_write(sqlite3_file* file, const void* data, int size, sqlite3_int64 offset) {
  if (shim(file)->disk->on_write(shim(file)->kind)) return SQLITE_FULL;
  return io(file)->xWrite(real(file), data, size, offset);
}

int shim_sync(sqlite3_file* file, int flags) {
  if (shim(file)->disk->on_sync(shim(file)->kind)) return SQLITE_IOERR_FSYNC;
  return io(file)->xSync(real(file), flags);
}

int shim_close(sqlite3_file* file) { return io(file)->xClose(real(file)); }
int shim_read(sqlite3_file* file, void* data, int size, sqlite3_int64 offset) { return io(file)->xRead(real(file), data, size, offset); }
int shim_truncate(sqlite3_file* file, sqlite3_int64 size) { return io(file)->xTruncate(real(file), size); }
int shim_size(sqlite3_file* file, sqlite3_int64* size) { return io(file)->xFileSize(real(file), size); }
int shim_lock(sqlite3_file* file, int level) { return io(file)->xLock(real(file), level); }
int shim_unlock(sqlite3_file* file, int level) { return io(file)->xUnlock(real(file), level); }
int shim_check_reserved(sqlite3_file* file, int* out) { return io(file)->xCheckReservedLock(real(file), out); }
int shim_control(sqlite3_file* file, int operation, void* argument) { return io(file)->xFileControl(real(file), operation, argument); }
int shim_sector(sqlite3_file* file) { return io(file)->xSectorSize(real(file)); }
int shim_device(sqlite3_file* file) { return io(file)->xDeviceCharacteristics(real(file)); }
int shim_shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** out) {
  return io(file)->xShmMap(real(file), page, size, extend, out);
}
int shim_shm_lock(sqlite3_file* file, int offset, int count, int flags) { return io(file)->xShmLock(real(file), offset, count, flags); }
void shim_shm_barrier(sqlite3_file* file) { io(file)->xShmBarrier(real(file)); }
int shim_shm_unmap(sqlite3_file* file, int remove) { return io(file)->xShmUnmap(real(file), remove); }

constexpr sqlite3_io_methods kMethods{2,           shim_close,   shim_read,     shim_write,          shim_truncate,  shim_sync,
                                      shim_size,   shim_lock,    shim_unlock,   shim_check_reserved, shim_control,   shim_sector,
                                      shim_device, shim_shm_map, shim_shm_lock, shim_shm_barrier,    shim_shm_unmap, nullptr,
                                      nullptr};

int shim_open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  ShimFile* opened = shim(file);
  opened->disk = static_cast<FailingDisk*>(vfs->pAppData);
  opened->kind = (flags & SQLITE_OPEN_WAL) != 0 ? FailingDisk::File::kLog : FailingDisk::File::kDatabase;
  opened->real = reinterpret_cast<sqlite3_file*>(opened + 1);
  const int code = real_vfs()->xOpen(real_vfs(), name, opened->real, flags, out_flags);
  opened->base.pMethods = code == SQLITE_OK ? &kMethods : nullptr;
  return code;
}

}  // namespace

FailingDisk::FailingDisk() : name_("failing-disk-" + std::to_string(reinterpret_cast<std::uintptr_t>(this))) {
  vfs_ = std::make_unique<sqlite3_vfs>(*real_vfs());
  vfs_->szOsFile = static_cast<int>(sizeof(ShimFile)) + real_vfs()->szOsFile;
  vfs_->zName = name_.c_str();
  vfs_->pAppData = this;
  vfs_->pNext = nullptr;
  vfs_->xOpen = shim_open;
  sqlite3_vfs_register(vfs_.get(), 0);
}

FailingDisk::~FailingDisk() { sqlite3_vfs_unregister(vfs_.get()); }

void FailingDisk::heal() {
  for (auto& failing : failing_syncs_) failing = false;
  for (auto& failing : failing_writes_) failing = false;
}

bool FailingDisk::on_sync(File file) {
  ++syncs_[index(file)];
  if (!failing_syncs_[index(file)]) return false;
  ++failures_;
  return true;
}

bool FailingDisk::on_write(File file) {
  if (!failing_writes_[index(file)]) return false;
  ++failures_;
  return true;
}

}  // namespace brine::store
