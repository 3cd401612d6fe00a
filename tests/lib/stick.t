#!/usr/bin/env perl
# The image of a stick, as the tools of disks and file systems read it; and tools/write-stick, which writes
# it, with scripts in place of lsblk, findmnt and blockdev. The device is a file of this test.
use strict;
use warnings;
use lib 'tests/lib';
use File::Temp 'tempdir';
use Test::More;
use Tree 'read_text';

my $build = $ENV{B} // 'build';
my $dir = tempdir(CLEANUP => 1);
my $MIB = 1 << 20;
$ENV{PATH} .= ':/usr/sbin:/sbin';

# Runs a shell command; returns its status and its output.
sub run {
    my ($command) = @_;
    my $output = `($command) 2>&1 </dev/null`;
    return ($? >> 8, $output);
}

sub succeeds {
    my ($command, $what) = @_;
    my ($status, $output) = run($command);
    is($status, 0, $what) or diag($output);
    return $output;
}

sub put {
    my ($path, $bytes) = @_;
    open my $file, '>:raw', $path or die "$path: $!\n";
    print $file $bytes;
    close $file or die "$path: $!\n";
}

# ---- the image -------------------------------------------------------------------------------------

# Checks the partition table and the file system of $image; returns the partition's size in MiB.
sub check_image {
    my ($image, $what) = @_;
    like(succeeds("sgdisk --verify $image", "$what: sgdisk reads it"), qr/No problems found/, "$what: and finds no problem");
    my ($first, $last) = (0, 0);
    for (succeeds("sgdisk --info=1 $image", "$what: it has a partition")) {
        like($_, qr/GUID code: C12A7328-F81F-11D2-BA4B-00A0C93EC93B/, "$what: of the type EFI System Partition");
        ($first) = /^First sector: (\d+)/m;
        ($last) = /^Last sector: (\d+)/m;
    }
    is($first, 2048, "$what: it begins at 1 MiB");
    my $mib = ($last + 1 - $first) / 2048;
    is($mib, int $mib, "$what: and has whole MiB");
    unlike(succeeds("sgdisk --print $image", "$what: the table"), qr/^ +2 /m, "$what: there is no other partition");
    my $bytes = read_text($image);
    my @entry = unpack 'C x3 C x3 V V', substr $bytes, 446, 16;
    is("@entry", join(' ', 0, 0xEE, 1, length($bytes) / 512 - 1), "$what: the MBR's entry protects the whole disk");
    is(substr($bytes, 462, 50), "\0" x 48 . "\x55\xAA", "$what: and is the only one");
    is(substr($bytes, -512, 8), 'EFI PART', "$what: the last sector has the second GPT");
    put("$dir/partition", substr $bytes, $MIB, $mib * $MIB);
    my $output = succeeds("fsck.fat -n -v $dir/partition", "$what: fsck.fat finds no problem");
    like($output, qr/\b32 bits per FAT entry|FAT32|root directory start at cluster 2/i, "$what: it is FAT32");
    is(unpack('V', substr $bytes, $MIB + 28, 4), 2048, "$what: the file system knows where it begins");
    return $mib;
}

sub has_file {
    my ($image, $name, $path) = @_;
    succeeds("MTOOLS_SKIP_CHECK=1 mcopy -n -i $image\@\@1M '::$name' $dir/copy", "$name is there");
    ok(read_text("$dir/copy") eq read_text($path), "$name: has the contents of $path");
    unlink "$dir/copy";
}

my $image = "$dir/stick.img";
my $make = 'tools/disk-image --stick';
my $files = "guest/pinwheel.cfg $build/BOOTX64.EFI $build/guest/reroute.elf";
succeeds("$make $image $files", 'a stick with the guest of make run');
is(check_image($image, 'small files'), 64, 'small files: 64 MiB');
has_file($image, '/EFI/BOOT/BOOTX64.EFI', "$build/BOOTX64.EFI");
has_file($image, '/pinwheel.cfg', 'guest/pinwheel.cfg');
has_file($image, '/guests/reroute.elf', "$build/guest/reroute.elf");

succeeds("$make $dir/again.img $files", 'the same files again');
ok(read_text("$dir/again.img") eq read_text($image), 'equal files make equal images');
succeeds("$make $dir/again.img - $build/BOOTX64.EFI", 'other files');
my ($one, $other) = map { succeeds("sgdisk --print $_", 'its table') =~ /\(GUID\): (\S+)/ } $image, "$dir/again.img";
isnt($one, $other, 'other files make a disk with another GUID');
like($one, qr/^[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-8[0-9A-F]{3}-[0-9A-F]{12}$/, 'of version 4, as far as a reader can tell');

put("$dir/large", "\0" x (70 * $MIB));
succeeds("$make $dir/again.img $files $dir/large", 'a file of 70 MiB');
cmp_ok(check_image("$dir/again.img", 'a large file'), '>', 70, 'a large file: there is room for it');
has_file("$dir/again.img", '/guests/large', "$dir/large");
unlink "$dir/large";

# What people get, with the menu. The guests of `all` are there already.
{
    local ($ENV{MAKEFLAGS}, $ENV{MAKELEVEL}, $ENV{MFLAGS}, $ENV{PINWHEEL_SKIP_DEPS}) = ('', '', '', 1);
    like(succeeds("make image B=$build STICK=$dir/again.img", 'make image'), qr/\Q$dir\E\/again\.img\..*make usb/,
        'it says where the image is, and what to do with it');
}
check_image("$dir/again.img", 'make image');
has_file("$dir/again.img", '/menu.cfg', 'guest/stick/menu.cfg');
has_file("$dir/again.img", '/configs/scorecard.cfg', 'guest/stick/scorecard.cfg');
has_file("$dir/again.img", '/guests/scorecard.elf', "$build/guest/scorecard.elf");

# One guest, as make image KERNEL= makes it.
put("$dir/initrd", 'a module');
my $guest = "KERNEL=$build/guest/hello.elf INITRD=$dir/initrd CMDLINE='a b' VCPUS=2 MEMORY=8M DELIVERY=vid MITIGATIONS='auto, +ssbd' tools/one-guest --stick";
succeeds("$guest $dir/again.img $build/BOOTX64.EFI", 'a stick with a kernel of your own');
has_file("$dir/again.img", '/guests/kernel', "$build/guest/hello.elf");
has_file("$dir/again.img", '/guests/initrd', "$dir/initrd");
put("$dir/config", <<'END');
mitigations = auto, +ssbd
[guest]
kernel = \guests\kernel
initrd = \guests\initrd
memory = 8M
vcpus = 2
x2apic = on
delivery = vid
cmdline = a b
END
has_file("$dir/again.img", '/pinwheel.cfg', "$dir/config");
my ($status, $output) = run("KERNEL=$dir/config tools/one-guest --stick $dir/again.img $build/BOOTX64.EFI");
is($status, 2, 'a file that is no kernel is refused');
like($output, qr/^make image: KERNEL=\Q$dir\E\/config: neither /, 'and the reason given');

# ---- writing it ------------------------------------------------------------------------------------

# lsblk and findmnt as they answer for a device that is right; an environment variable changes an answer.
mkdir "$dir/bin" or die "$dir/bin: $!\n";
put("$dir/bin/lsblk", <<'END');
#!/usr/bin/env bash
while [[ $# -gt 1 ]]; do
    case $1 in
    -o) column=${2//[^A-Z]/_} && shift ;;
    -d) alone=1 ;;
    -nso | -rnso) [[ ${*: -1} == "$SOURCE" ]] && echo "$DEVICE"; exit ;;
    esac
    shift
done
TYPE=${TYPE-$'disk\npart'} RM=${RM-1} TRAN=${TRAN-usb} RO=${RO-0} LOG_SEC=${LOG_SEC-512} VENDOR_MODEL='Maker   Stick 3.0'
SIZE=${SIZE-$(stat -c %s "$DEVICE")}
if [[ ${alone:-} ]]; then
    head -n 1 <<<"  ${!column}  "
else
    printf '%s\n' "${!column:-}"
fi
END
put("$dir/bin/findmnt", "#!/usr/bin/env bash\nprintf '%s\\n' \"tmpfs /tmp\" \"\${MOUNTED:-proc /proc}\"\n");
put("$dir/bin/blockdev", <<'END');
#!/usr/bin/env bash
case $1 in
--rereadpt) [[ ! ${BUSY:-} ]] ;;
--flushbufs) [[ ! ${DAMAGE:-} ]] || printf X | dd of="$2" bs=1 seek="$DAMAGE" conv=notrunc status=none ;;
esac
END
chmod 0755, map { "$dir/bin/$_" } qw(lsblk findmnt blockdev);

my $device = "$dir/sdx";
my $empty = 'old' . "\0" x (80 * $MIB - 3);
put($device, $empty);
$ENV{DEVICE} = $device;
$ENV{SOURCE} = '/dev/fake1';

# write_stick($name, $answer, VARIABLE => value...): its status and output.
sub write_stick {
    my ($name, $answer, %environment) = @_;
    local @ENV{keys %environment} = values %environment;
    my $input = defined $answer ? "echo '$answer' |" : '';
    return run("$input PATH=$dir/bin:\$PATH tools/write-stick $image '$name'");
}

# [what, environment, words of the refusal, answer]
my @refused = (
    ['a partition', {TYPE => 'part'}, 'a partition; name the whole device'],
    ['a CD', {TYPE => 'rom'}, 'not a disk but rom'],
    ['a built-in disk', {RM => 0, TRAN => 'sata'}, 'neither removable nor on USB'],
    ['a write-protected one', {RO => 1}, 'write-protected'],
    ['sectors of 4096 bytes', {LOG_SEC => 4096}, 'its sectors do not have 512 bytes'],
    ['a reader without a card', {SIZE => 0}, 'no medium in it'],
    ['a small one', {SIZE => $MIB}, '1 MiB, too small'],
    ['a mounted one', {MOUNTPOINTS => "\n/media/stick"}, 'in use as /media/stick; unmount it first'],
    ['swap space', {MOUNTPOINTS => '[SWAP]'}, 'in use as \[SWAP\]'],
    ['an open encrypted volume', {TYPE => "disk\npart\ncrypt"}, 'in use by a volume of the kind crypt'],
    ['the running system', {MOUNTED => '/dev/fake1[/@] /'}, 'holds the running system'],
    ['a file system on several devices', {MOUNTED => '/dev/fake1 /home'}, 'holds /home; unmount it first'],
    ['one that the kernel uses', {BUSY => 1}, 'the kernel says that it is in use'],
    ['another name typed', {YES => ''}, 'its name was not typed', 'sda'],
    ['an empty line typed', {YES => ''}, 'its name was not typed', ''],
    ['no standard input', {YES => 0}, 'its name was not typed'],
);
for (@refused) {
    my ($what, $environment, $words, $answer) = @$_;
    my ($status, $output) = write_stick($device, $answer, YES => 1, %$environment);
    is($status, 2, "$what: is refused") or diag($output);
    like($output, qr/^(?:To write .*: )?make usb: DEV=\Q$device\E: $words.*; nothing was written$/m, "$what: the reason");
    ok(read_text($device) eq $empty, "$what: nothing was written");
}

# The real lsblk: a file is no device, and neither is what does not exist.
for ([$device, 'lsblk does not know it as a block device'], ["$dir/none", 'no such device'], ['', 'no such device']) {
    my ($name, $words) = @$_;
    my ($status, $output) = run("YES=1 tools/write-stick $image '$name'");
    is($status, 2, "the name '$name': is refused");
    like($output, qr/^make usb: DEV=\Q$name\E: $words.*; nothing was written$/m, 'the reason');
}
ok(read_text($device) eq $empty, 'the file was not written');

# Devices that are right: by YES=1, by a name typed, by a link as in /dev/disk/by-id.
symlink $device, "$dir/by-id" or die "$dir/by-id: $!\n";
for (['YES=1, a disk on USB', $device, undef, YES => 1, RM => 0], ['the name typed', $device, 'sdx'],
    ['the path typed, a link', "$dir/by-id", $device, TRAN => '']) {
    my ($what, $name, $answer, %environment) = @$_;
    put($device, $empty);
    my ($status, $output) = write_stick($name, $answer, %environment);
    is($status, 0, "$what: is written") or diag($output);
    like($output, qr/^\Q$device\E: Maker Stick 3\.0, 83 MB\. All that is on it will be lost\.$/m, "$what: says what it is");
    like($output, qr/Secure Boot off(?s:.*)boot menu(?s:.*)115200 baud, 8N1(?s:.*)film the screen/, "$what: says what is next");
    is(-s $device, 80 * $MIB, "$what: the device keeps its size");
}
is(check_image($device, 'the device'), 64, 'the device: the partition of the image, the second GPT at its own end');
has_file($device, '/EFI/BOOT/BOOTX64.EFI', "$build/BOOTX64.EFI");

# What the device gives back is compared, and its partition table checked.
for (['the first byte of the partition', $MIB], ['its last byte', 65 * $MIB - 1],
    ['the first GPT', 1024 + 60], ['the second GPT', 80 * $MIB - 500]) {
    my ($what, $offset) = @$_;
    my ($status, $output) = write_stick($device, undef, YES => 1, DAMAGE => $offset);
    is($status, 1, "$what comes back wrong: status 1");
    like($output, qr/^make usb: DEV=\Q$device\E: what was read is not what was written\./m, "$what: the reason");
    unlike($output, qr/holds Pinwheel/, "$what: no success is claimed");
}
done_testing();
