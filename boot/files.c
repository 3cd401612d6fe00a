/* Reading files: see files.h.
 *
 * The loaded-image protocol names the device from which the firmware loaded BOOTX64.EFI; that
 * device has a file system, in practice FAT. A file's size comes from its directory entry.
 * UEFI 2.10, "EFI Loaded Image Protocol", "Simple File System Protocol" and "File Protocol". */
#include "boot/files.h"

#include "boot/firmware.h"
#include "boot/pieces.h"
#include "lib/format.h"

#define PATH_MAX_LENGTH 256
#define LOW_END         (4ULL << 30)

static EFI_FILE_HANDLE volume;

const char *files_open(void) {
    EFI_LOADED_IMAGE *image;

    if (EFI_ERROR(BS->HandleProtocol(firmware_image, &LoadedImageProtocol, (void **)&image)))
        return "the firmware does not report the volume that BOOTX64.EFI was loaded from";
    volume = LibOpenRoot(image->DeviceHandle);
    return volume ? NULL : "BOOTX64.EFI was not loaded from a file system";
}

static bool read_piece(void *file, void *to, uint64_t *size) {
    EFI_FILE_HANDLE handle = file;
    UINTN count = *size;
    bool ok = !EFI_ERROR(handle->Read(handle, &count, to));

    *size = count;
    return ok;
}

/* Below 4 GiB if there is room, because some disk drivers fail to read to addresses above. */
static uint64_t alloc_for_file(uint64_t size) {
    void *low = firmware_alloc(size, LOW_END);

    return (uint64_t)(low ? low : firmware_alloc(size, 0));
}

static const char *too_large(uint64_t max) {
    static char problem[64];

    format(problem, sizeof(problem), "it is larger than %lu MiB", max >> 20);
    return problem;
}

static const char *read_contents(EFI_FILE_HANDLE handle, uint64_t max, struct file *file) {
    const EFI_FILE_INFO *info = LibFileInfo(handle);

    if (!info)
        return "the firmware does not report its size";
    if (info->Attribute & EFI_FILE_DIRECTORY)
        return "it is a directory";
    if (info->FileSize == 0)
        return "it is empty";
    if (info->FileSize > max)
        return too_large(max);
    file->size = info->FileSize;
    file->base = alloc_for_file(file->size);
    if (!file->base)
        return "there is not enough memory for it";
    return pieces_read(read_piece, handle, (void *)file->base, file->size);
}

/* UEFI paths have backslashes and 16-bit characters. */
static EFI_STATUS open_path(const char *path, EFI_FILE_HANDLE *handle) {
    CHAR16 name[PATH_MAX_LENGTH];
    size_t i = 0;

    for (; path[i] && i < PATH_MAX_LENGTH - 1; i++)
        name[i] = path[i] == '/' ? '\\' : (CHAR16)path[i];
    name[i] = 0;
    return volume->Open(volume, handle, name, EFI_FILE_MODE_READ, 0);
}

const char *files_read(const char *path, uint64_t max, struct file *file) {
    EFI_FILE_HANDLE handle;
    EFI_STATUS status = open_path(path, &handle);

    if (EFI_ERROR(status))
        return status == EFI_NOT_FOUND ? "there is no such file" : "it cannot be opened";
    const char *problem = read_contents(handle, max, file);
    handle->Close(handle);
    return problem;
}

bool files_exist(const char *path) {
    EFI_FILE_HANDLE handle;

    if (EFI_ERROR(open_path(path, &handle)))
        return false;
    handle->Close(handle);
    return true;
}
