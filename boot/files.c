/* Reading files: see files.h.
 *
 * The firmware knows from which device it loaded this image (the loaded-image protocol), and on
 * that device there is a file system, FAT in practice. A file's size comes from its directory
 * entry. UEFI 2.10, "Simple File System Protocol" and "File Protocol". */
#include "boot/files.h"

#include "boot/firmware.h"

#define PATH_MAX_LENGTH 256

static EFI_FILE_HANDLE volume;

const char *files_open(void) {
    EFI_LOADED_IMAGE *image;

    if (EFI_ERROR(BS->HandleProtocol(firmware_image, &LoadedImageProtocol, (void **)&image)))
        return "the firmware does not say where BOOTX64.EFI came from";
    volume = LibOpenRoot(image->DeviceHandle);
    return volume ? NULL : "BOOTX64.EFI did not come from a file system";
}

/* In one call: the firmware then reads long runs of sectors. */
static const char *read_contents(EFI_FILE_HANDLE handle, uint64_t max, struct file *file) {
    const EFI_FILE_INFO *info = LibFileInfo(handle);

    if (!info)
        return "the firmware does not tell its size";
    if (info->Attribute & EFI_FILE_DIRECTORY)
        return "it is a directory";
    if (info->FileSize == 0)
        return "it is empty";
    if (info->FileSize > max)
        return "it is too large";
    UINTN read = file->size = info->FileSize;
    file->base = (uint64_t)firmware_alloc(file->size, 0);
    if (!file->base)
        return "there is not enough memory for it";
    if (EFI_ERROR(handle->Read(handle, &read, (void *)file->base)))
        return "the firmware reports a read error";
    return read == file->size ? NULL : "it is shorter than its directory entry says";
}

/* The firmware wants backslashes and 16-bit characters. */
const char *files_read(const char *path, uint64_t max, struct file *file) {
    EFI_FILE_HANDLE handle;
    CHAR16 name[PATH_MAX_LENGTH];
    size_t i = 0;

    for (; path[i] && i < PATH_MAX_LENGTH - 1; i++)
        name[i] = path[i] == '/' ? '\\' : (CHAR16)path[i];
    name[i] = 0;
    EFI_STATUS status = volume->Open(volume, &handle, name, EFI_FILE_MODE_READ, 0);
    if (EFI_ERROR(status))
        return status == EFI_NOT_FOUND ? "there is no such file" : "it cannot be opened";
    const char *problem = read_contents(handle, max, file);
    handle->Close(handle);
    return problem;
}
