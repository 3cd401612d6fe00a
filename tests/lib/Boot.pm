# Boots Pinwheel in an emulator for a test: makes the disk image, runs it to its end, reads the log.
package Boot;
use strict;
use warnings;
use Exporter 'import';
use File::Path 'make_path';
use Test::More;
use Log;

our @EXPORT_OK = qw(boot report_all check_file);

my $build = $ENV{B} // 'build';

# boot($name, config => FILE, files => [...], option => value...): the options are those of tools/run
# without their dashes. Default for files: all guests; for efi: Pinwheel's. Or image => NAME: the image
# of that boot again.
# Returns the log and tools/run's exit status.
sub boot {
    my ($name, %option) = @_;
    my $config = delete $option{config} // "tests/emulator/$name.cfg";
    my @files = @{delete $option{files} // [glob "$build/guest/*.elf"]};
    my $again = delete $option{image};
    my $efi = delete $option{efi} // "$build/BOOTX64.EFI";
    my $dir = "$build/emulator/$name";
    my $image = "$build/emulator/" . ($again // $name) . '.img';
    make_path($dir);
    unlink glob "$dir/*";

    $again or system('tools/disk-image', $image, $config, $efi, @files) == 0
        or BAIL_OUT("no disk image for $name");
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

# The guests' own reports, and all that tests/emulator/NAME.expect expects.
sub check_file {
    my ($log, $path) = @_;
    report_all($log->check_taps, map { $log->check($_) } Log::expectations($path));
}

1;
