/* Reading files: see files.h.
 *
 * The firmware knows from which device it loaded this image (the loaded-image protocol), and on
 * that device there is a file system, FAT in practice. A file's size comes from its directory
 * entry. UEFI 2.10, "Simple File System Protocol" and "File Protocol". */
#include "boot/files.h"

#include "boot/firmware.h"

#define PATH_MAX_LENGTH 256

static EFI_FILE_HANDLE volume;

const char *files_open(void)
{
    static EFI_GUID loaded_image_guid = EFI_LOADED_IMAGE_PROTOCOL_GUID;
    static EFI_GUID file_system_guid = EFI_SIMPLE_FILE_SYSTEM_PROTOCOL_GUID;
    EFI_LOADED_IMAGE *image;
    EFI_FILE_IO_INTERFACE *file_system;

    if (EFI_ERROR(
            firmware_boot->HandleProtocol(firmware_image, &loaded_image_guid, (void **)&image)))
        return "the firmware does not say where BOOTX64.EFI came from";
    if (EFI_ERROR(firmware_boot->HandleProtocol(image->DeviceHandle, &file_system_guid,
                                                (void **)&file_system)))
        return "BOOTX64.EFI did not come from a file system";
    if (EFI_ERROR(file_system->OpenVolume(file_system, &volume)))
        return "the volume of BOOTX64.EFI cannot be opened";
    return NULL;
}

static const char *status_text(EFI_STATUS status)
{
    switch (status) {
    case EFI_NOT_FOUND:
        return "there is no such file";
    case EFI_NO_MEDIA:
    case EFI_MEDIA_CHANGED:
        return "the medium is gone";
    case EFI_VOLUME_CORRUPTED:
        return "the file system is damaged";
    case EFI_ACCESS_DENIED:
        return "access is denied";
    default:
        return "the firmware reports a read error";
    }
}

/* The firmware wants backslashes and 16-bit characters. */
static const char *open_file(const char *path, EFI_FILE_HANDLE *file)
{
    CHAR16 name[PATH_MAX_LENGTH];
    size_t i = 0;

    for (; path[i] && i < PATH_MAX_LENGTH - 1; i++)
        name[i] = path[i] == '/' ? '\\' : (CHAR16)path[i];
    name[i] = 0;
    EFI_STATUS status = volume->Open(volume, file, name, EFI_FILE_MODE_READ, 0);
    return EFI_ERROR(status) ? status_text(status) : NULL;
}

static const char *file_size(EFI_FILE_HANDLE file, uint64_t *size)
{
    static EFI_GUID info_guid = EFI_FILE_INFO_ID;
    union {
        EFI_FILE_INFO info;
        uint8_t room[SIZE_OF_EFI_FILE_INFO + 2 * PATH_MAX_LENGTH];
    } buffer;
    UINTN room = sizeof(buffer);

    EFI_STATUS status = file->GetInfo(file, &info_guid, &room, &buffer);
    if (EFI_ERROR(status))
        return status_text(status);
    if (buffer.info.Attribute & EFI_FILE_DIRECTORY)
        return "it is a directory";
    *size = buffer.info.FileSize;
    return NULL;
}

/* In one call: the firmware then reads long runs of sectors. */
static const char *read_contents(EFI_FILE_HANDLE handle, struct file *file)
{
    UINTN read = file->size;

    file->base = firmware_alloc_raw(file->size);
    if (!file->base)
        return "there is not enough memory for it";
    EFI_STATUS status = handle->Read(handle, &read, (void *)file->base);
    if (EFI_ERROR(status))
        return status_text(status);
    return read == file->size ? NULL : "it is shorter than its directory entry says";
}

const char *files_read(const char *path, uint64_t max, struct file *file)
{
    EFI_FILE_HANDLE handle;
    const char *problem = open_file(path, &handle);

    if (problem)
        return problem;
    problem = file_size(handle, &file->size);
    if (!problem && file->size == 0)
        problem = "it is empty";
    if (!problem && file->size > max)
        problem = "it is too large";
    if (!problem)
        problem = read_contents(handle, file);
    handle->Close(handle);
    return problem;
}
