# Boots Pinwheel in an emulator for a test: makes the disk image, runs it to its end, reads the log.
package Boot;
use strict;
use warnings;
use Exporter 'import';
use File::Path 'make_path';
use Test::More;
use Log;

our @EXPORT_OK = qw(boot make_image report_all check_file);

my $build = $ENV{B} // 'build';

# make_image($name, $config, @files): build/emulator/NAME.img. Returns an empty folder for its logs and
# the image. `efi` in a hash reference before the files replaces Pinwheel's own EFI application.
sub make_image {
    my ($name, $config, @files) = @_;
    my $efi = ref $files[0] ? shift(@files)->{efi} : "$build/BOOTX64.EFI";
    my $dir = log_dir($name);
    system('tools/disk-image', "$dir.img", $config, $efi, @files) == 0
        or BAIL_OUT("no disk image for $name");
    return ($dir, "$dir.img");
}

sub log_dir {
    my $dir = "$build/emulator/$_[0]";
    make_path($dir);
    unlink glob "$dir/*";
    return $dir;
}

# boot($name, config => FILE, files => [...], option => value...): the options are those of tools/run
# without their dashes. By default the files are all guests, and efi is Pinwheel's. image => NAME boots
# the image of an earlier boot again.
# Returns the log and tools/run's exit status.
sub boot {
    my ($name, %option) = @_;
    my $config = delete $option{config} // "tests/emulator/$name.cfg";
    my @files = @{delete $option{files} // [glob "$build/guest/*.elf"]};
    my $efi = delete $option{efi} // "$build/BOOTX64.EFI";
    my $again = delete $option{image};
    my ($dir, $image) = $again ? (log_dir($name), "$build/emulator/$again.img")
        : make_image($name, $config, {efi => $efi}, @files);
    $option{emu} //= 'bochs';
    my @options = map { ("--$_", $option{$_}) } sort keys %option;
    note(join ' ', 'tools/run', @options, $image);
    open my $run, '-|', 'tools/run', '--log-dir', $dir, @options, $image
        or BAIL_OUT("tools/run: $!");
    note($_) while <$run>;
    close $run;
    my $status = $? >> 8;
    return (Log->read_file("$dir/serial.log"), $status);
}

# Reports results as Log's check functions return them.
sub report_all {
    for (@_) {
        my ($ok, $text, $instead) = @$_;
        ok($ok, $text) or diag($instead);
    }
}

# Checks the guests' own reports and all expectations of a file such as tests/emulator/NAME.expect.
sub check_file {
    my ($log, $path) = @_;
    report_all($log->check_taps, map { $log->check($_) } Log::expectations($path));
}

1;
