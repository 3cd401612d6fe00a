# What the lint excuses for now: tests/lint/not-yet, one line for each, "RULE what". An entry that
# is no longer needed fails, so the list can only become shorter.
package NotYet;
use strict;
use warnings;
use Test::More;
use Tree qw(read_text);

sub new {
    my ($class, $rule) = @_;
    my $list = -e 'tests/lint/not-yet' ? read_text('tests/lint/not-yet') : '';
    return bless {rule => $rule, used => {map { $_ => 0 } $list =~ /^\Q$rule\E +(.*?)\s*(?:#.*)?$/mg}}, $class;
}

# Whether $what is on the list.
sub excuses {
    my ($self, $what) = @_;
    return 0 if !exists $self->{used}{$what};
    $self->{used}{$what}++;
    return 1;
}

# After everything was checked.
sub done {
    my ($self) = @_;
    my @entries = sort keys %{$self->{used}} or return;
    ok($self->{used}{$_}, "still needed in tests/lint/not-yet, else delete it: $self->{rule} $_") for @entries;
    diag("not yet, $self->{rule}: " . join ', ', grep { $self->{used}{$_} } @entries);
}

1;
