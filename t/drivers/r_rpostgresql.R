# r_rpostgresql.R
#   RPostgreSQL binds all parameters as text of unknown type, and cannot bind NULL, so the
#   program writes NULL into the statement. It reads results as text. libpq writes
#   warnings of the server to standard error. Errors come without SQLSTATE.
suppressMessages(library(RPostgreSQL))
options(show.error.messages = FALSE)

values <- list(
  period = "[2024-04-01,2024-07-01)",
  local = "[2024-04-01,2024-07-01)",
  days = "[2024-04-01,2024-07-01)",
  as_of = "2024-04-01 00:00:00+00",
  inactive_after = "90 days",
  churned_after = "180 days",
  lost_after = "326 days",
  never = NULL,
  step = "30 days",
  status = "won_back",
  statuses = "{won_back,new}",
  event = "cancellation",
  tally = "1/2",
  from_date = "2024-04-01",
  to_date = "2024-06-30",
  number = 90,
  text_90 = "90",
  number_90 = 90
)

show <- function(value) {
  if (is.na(value)) return("NULL")
  if (is.logical(value)) return(if (value) "t" else "f")
  if (inherits(value, "POSIXct")) return(format(value, "%Y-%m-%d %H:%M:%S+00", tz = "UTC"))
  if (is.numeric(value)) return(format(value, digits = 15))
  as.character(value)
}

connection <- dbConnect(
  PostgreSQL(),
  host = Sys.getenv("PGHOST"), port = as.integer(Sys.getenv("PGPORT")),
  user = Sys.getenv("PGUSER"), dbname = Sys.getenv("PGDATABASE")
)
cat("== text\n")
input <- file("stdin")
for (line in readLines(input)) {
  question <- strsplit(line, "\t")[[1]]
  sql <- question[2]
  parameters <- list()
  for (name in regmatches(sql, gregexpr("(?<=\\{)\\w+", sql, perl = TRUE))[[1]]) {
    if (is.null(values[[name]])) {
      sql <- sub("\\{\\w+\\}", "NULL", sql)
    } else {
      parameters <- c(parameters, values[[name]])
      sql <- sub("\\{\\w+\\}", paste0("$", length(parameters)), sql)
    }
  }
  cat("# ", question[1], "\n", sep = "")
  flush(stdout())
  # dbGetQuery prints an error and returns NULL, and warns of each column of a type that
  # RPostgreSQL does not have
  rows <- suppressWarnings(dbGetQuery(connection, sql, parameters))
  if (is.null(rows)) {
    cat("ERROR without SQLSTATE\n")
    next
  }
  for (n in seq_len(NROW(rows))) {
    cat(paste(lapply(rows, function(column) show(column[n])), collapse = "|"), "\n", sep = "")
  }
}
close(input)
invisible(dbDisconnect(connection))
