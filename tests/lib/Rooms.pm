# The rooms and modules of the tree, and the arrows between them: includes from the sources, calls
# from the objects' symbols. For the lint and for tools/draw-rooms. See tests/lint/rooms.
package Rooms;
use strict;
use warnings;
use Exporter 'import';
use Tree qw(source_files read_text);

our @EXPORT_OK = qw(rooms room_of may_use module_of includes defined_symbols calls cycles);

my %room; # by name: its rank in the order, or which rooms and headers it uses
my @rooms;

# The rooms in their order, each a hash: name, rank (from 0; none for a separate program), uses
# (the rooms and headers that a separate program may use), pure, knot, entry.
sub rooms {
    return @rooms if @rooms;
    my $rank = 0;
    for (grep { !/^\s*(?:#|$)/ } split /\n/, read_text('tests/lint/rooms')) {
        my ($name, @words) = split;
        my %it = (name => $name);
        for (@words) {
            my ($key, $value) = /^(pure|knot|uses|entry)(?:=(.+))?$/ or die "tests/lint/rooms: what is $_?\n";
            $it{$key} = $value ? [split /,/, $value] : 1;
        }
        $it{rank} = $rank++ if !$it{uses};
        push @rooms, $room{$name} = \%it;
    }
    return @rooms;
}

# The room of a file, as in rooms(), or undef. A separate program may have folders in it.
sub room_of {
    my ($path) = @_;
    rooms();
    my $folder = $path =~ m{^(.*)/} ? $1 : '';
    return $room{$folder} if $room{$folder};
    my ($top) = split m{/}, $folder;
    return $top && $room{$top} && $room{$top}{uses} ? $room{$top} : undef;
}

# Whether a file of $room may include $header.
sub may_use {
    my ($room, $header) = @_;
    my $other = room_of($header);
    return 0 if !$other;
    return 1 if $room == $other;
    return scalar grep { $_ eq $header || $_ eq $other->{name} } @{$room->{uses}} if $room->{uses};
    return defined $other->{rank} && $other->{rank} < $room->{rank};
}

# The module of a file: its path without the suffix. A file without a header (or a header without a
# file that defines something) belongs to the module whose name it continues: vlapic_icr.c and
# vlapic_internal.h to vlapic, if there are vlapic.h and vlapic.c. A guest with a folder to itself
# is one module.
my %suffixes;
sub module_of {
    my ($path) = @_;
    if (!%suffixes) {
        for (grep { /\.(?:[ch]|asm)$/ } Tree::files()) {
            my ($stem, $suffix) = /^(.*)\.(\w+)$/;
            $suffixes{$stem}{$suffix eq 'h' ? 'header' : 'body'} = 1;
        }
    }
    return $1 if $path =~ m{^(guest/(?!lib/)[^/]+)/};
    my $own = my $stem = $path =~ s/\.(?:[ch]|asm|asl)$//r;
    do {
        return $stem if ($suffixes{$stem} && keys %{$suffixes{$stem}} == 2);
    } while ($stem =~ s/_[^_\/]*$//);
    return $own;
}

# How many #include lines lead from one room to another: $count{FROM}{TO}.
sub includes {
    my %count;
    for my $path (grep { room_of($_) } source_files(), grep { /\.asl$/ } Tree::files()) {
        my $from = room_of($path)->{name};
        for (read_text($path) =~ /^#\s*include\s*"([^"]+)"/mg) {
            my $to = room_of($_) or next;
            $count{$from}{$to->{name}}++ if $to->{name} ne $from;
        }
    }
    return %count;
}

# The symbols of the objects in LINT_OBJECTS, B/PROGRAM/FILE.o or B/PROGRAM/FILE.asm.o, by file.
# PROGRAM is hv, boot or guest; none calls code of another.
my @symbols;
sub symbols {
    return @symbols if @symbols;
    my ($program, $file);
    my $top = quotemeta($ENV{B} // 'build');
    my @objects = split ' ', $ENV{LINT_OBJECTS} // die "call this by make lint\n";
    for (@objects ? split /\n/, `nm -A @objects` : ()) {
        my ($object, $type, $name) = /^(\S+?):\s*[0-9a-f]*\s+(\w) (\S+)$/ or next;
        ($program, $file) = $object =~ m{^$top/(\w+)/(.*)\.o$} or die "$object: where is that from?\n";
        $file .= '.c' if $file !~ /\.asm$/;
        push @symbols, [$program, $file, $type, $name];
    }
    die "nm fails on the objects\n" if $?;
    return @symbols;
}

# The files that define each global symbol: $file{NAME}{FILE}.
sub defined_symbols {
    my %file;
    for (symbols()) {
        my (undef, $file, $type, $name) = @$_;
        $file{$name}{$file} = 1 if $type =~ /[TDBRVW]/;
    }
    return %file;
}

# Which functions and variables of another module each module of the hypervisor uses:
# $name{MODULE}{OTHER}{NAME}.
sub calls {
    my (%module, %used);
    for (grep { $_->[0] eq 'hv' && $_->[2] =~ /[TDBRVW]/ } symbols()) {
        $module{$_->[3]} = module_of($_->[1]);
    }
    for (grep { $_->[0] eq 'hv' && $_->[2] eq 'U' && $module{$_->[3]} } symbols()) {
        my ($from, $to) = (module_of($_->[1]), $module{$_->[3]});
        $used{$from}{$to}{$_->[3]} = 1 if $from ne $to;
    }
    return %used;
}

# The strongly connected components with more than one node, each a sorted list (Tarjan's
# algorithm). The graph: $graph{FROM}{TO}.
sub cycles {
    my (%graph) = @_;
    my (@stack, %index, %low, %stacked, @found);
    my $visit;
    $visit = sub {
        my ($node) = @_;
        $index{$node} = $low{$node} = keys %index;
        $stacked{$node} = 1;
        push @stack, $node;
        for (sort keys %{$graph{$node} // {}}) {
            $visit->($_) if !defined $index{$_};
            $low{$node} = $low{$_} if $stacked{$_} && $low{$_} < $low{$node};
        }
        return if $low{$node} != $index{$node};
        my @component;
        do {
            unshift @component, pop @stack;
            $stacked{$component[0]} = 0;
        } while ($component[0] ne $node);
        push @found, [sort @component] if @component > 1;
    };
    for (sort keys %graph) {
        $visit->($_) if !defined $index{$_};
    }
    return sort { @$b <=> @$a || $a->[0] cmp $b->[0] } @found;
}

1;
