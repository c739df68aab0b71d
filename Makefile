# winback: builds with PGXS (PostgreSQL's own makefiles for extensions).
#
#   make, make install, make installcheck    as PostgreSQL people expect
#   make test, make demo                     everything from a bare Debian machine, see README
#   make report                              a report over a table of orders, see doc/report.md
#   make lint, make deb                      static checks, Debian packages, see CONTRIBUTING
#   make matrix, make upgrade                the same with other versions, in chroots
EXTENSION = winback
MODULE_big = winback
DATA_built = sql/winback--0.1.sql
# every C file below src/; srcdir is PGXS's, and differs where it builds outside the tree
OBJS = $(sort $(patsubst $(srcdir)/%.c,%.o,$(wildcard $(srcdir)/src/*.c $(srcdir)/src/*/*.c)))
PGFILEDESC = "winback - win-back and reactivation rates"

REGRESS = \
	lifecycle_status \
	lifecycle_event \
	rate_tally \
	lifecycle_tally \
	effects \
	spend_tally \
	holdout \
	customer_history \
	track_histories \
	history_aggregates \
	rates \
	return_curve \
	history_curve \
	scan \
	scan_join \
	scan_union \
	scan_list \
	lifecycle \
	spells \
	series \
	errors \
	keys \
	dense \
	queries \
	property \
	property_events \
	property_series \
	property_history \
	property_history_customers \
	property_curve \
	property_history_curve \
	parallel
# For a run without Winback Scans: not those that ask everything in both ways, or no aggregate.
ifdef WITHOUT_SCANS
REGRESS := $(filter-out effects holdout return_curve scan scan_join scan_union scan_list dense property property_events property_series property_history property_history_customers property_curve property_history_curve parallel,$(REGRESS))
endif
REGRESS_OPTS = --load-extension=winback --encoding=UTF8 --no-locale
# several sessions at the same time: specs/ and expected/
ISOLATION = \
	scan_visibility \
	scan_serializable \
	scan_recheck \
	scan_joined \
	track_refresh
ISOLATION_OPTS = --load-extension=winback --encoding=UTF8 --no-locale
TAP_TESTS = 1

# warnings about our own code only
PG_CFLAGS = -Wall -Wextra $(if $(findstring clang,$(CC)),$(GCC_ONLY))
# clang on the flags with which PostgreSQL was built by gcc
GCC_ONLY = -Wno-unknown-warning-option -Wno-ignored-optimization-argument
PG_CPPFLAGS = -I$(srcdir)/src -isystem $(shell $(PG_CONFIG) --includedir-server)
# for a major version that src/compat.h does not list
ifdef WINBACK_UNKNOWN_MAJOR
PG_CPPFLAGS += -DWINBACK_UNKNOWN_MAJOR
endif
EXTRA_CLEAN = tmp_check

# A bare machine has no pg_config yet: these bring one themselves.
SCRIPTS_OF_OURS = test demo report lint deb matrix upgrade
ifneq ($(filter-out $(SCRIPTS_OF_OURS),$(or $(MAKECMDGOALS),all)),)
PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# PGXS does not look at our headers, and makes no directories for a build outside the tree (VPATH).
$(OBJS): $(wildcard $(srcdir)/src/*.h $(srcdir)/src/*/*.h)
ifdef VPATH
$(shell mkdir -p $(sort $(dir $(OBJS) $(DATA_built))))
endif

# The install script. scripts/install-script.awk explains the templates.
templates = $(sort $(wildcard $(srcdir)/sql/install/*.sql.in))
$(DATA_built): $(srcdir)/scripts/install-script.awk $(templates)
	awk -f $(srcdir)/scripts/install-script.awk $(templates) > $@.tmp
	mv $@.tmp $@
endif

.PHONY: $(SCRIPTS_OF_OURS)
$(filter-out report,$(SCRIPTS_OF_OURS)):
	@scripts/$@

# The options are those of make's command line, not of the environment, where a NAME or a DB may
# have another meaning.
report:
	@scripts/report $(foreach option,$(sort $(filter-out SHELL MAKE% P%,$(.VARIABLES))),$(if \
		$(filter command,$(firstword $(origin $(option)))),'$(option)=$(subst ','\'',$($(option)))'))
