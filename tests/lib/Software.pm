# Machines on which the hypervisor delivers the guests' interrupts. `make test` runs each test on one of
# them, beside those with virtual-interrupt delivery; `make test-software` on all, and on nothing else.
package Software;
use strict;
use warnings;
use Boot 'boot';
use Exporter 'import';
use File::Path 'make_path';
use Tree 'read_text';

our @EXPORT_OK = qw(only_software machines boot_software);

my $build = $ENV{B} // 'build';
# Without virtual-interrupt delivery; and one that has it.
my %model = (sandy => 'corei7_sandy_bridge_2600k', ivy => 'corei7_ivy_bridge_3770k', skylake => 'corei7_skylake_x');

sub only_software { return $ENV{ONLY_SOFTWARE} }

# machines($one): the names of those on which a test is to run.
sub machines {
    my ($one) = @_;
    return only_software() ? sort keys %model : ($one);
}

# boot_software($machine, $name, $config, option => value...): as boot, with a configuration that is a text.
# On a machine that has virtual-interrupt delivery each guest of it gets `delivery = software`, unless it
# says otherwise; on the others that is what `auto` means. Returns the log, the status, and the file of the
# serial port.
sub boot_software {
    my ($machine, $name, $config, %option) = @_;
    my $path = "$build/emulator/$name-$machine";
    make_path("$build/emulator");
    open my $file, '>', "$path.cfg" or die "$path.cfg: $!\n";
    print $file map { $machine ne 'skylake' || /^delivery/m ? $_ : s/^(kernel .*)/$1\ndelivery = software/mr }
        split /^(?=\[)/m, $config;
    close $file;
    return (boot("$name-$machine", config => "$path.cfg", model => $model{$machine}, %option), "$path/serial.log");
}

1;
