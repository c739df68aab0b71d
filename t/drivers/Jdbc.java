// Jdbc.java
//   The JDBC driver binds a parameter as a value of the type of the Java object: a String
//   as varchar, or as a value of unknown type with stringtype=unspecified. For types that
//   Java does not have there is PGobject, which names the type, and PGInterval. The driver
//   sends and reads text or, with a negative prepareThreshold, binary forms where it has
//   them; for its own types, a program brings a class.
//
//   java Jdbc.java compiles and runs it.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.SQLWarning;
import java.sql.Types;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.postgresql.PGConnection;
import org.postgresql.util.ByteConverter;
import org.postgresql.util.PGBinaryObject;
import org.postgresql.util.PGInterval;
import org.postgresql.util.PGobject;

public class Jdbc {

    /** A rate_tally: two numbers, as text 1/2, in binary two 64-bit integers. */
    public static class Tally extends PGobject implements PGBinaryObject {
        static boolean readBinary;
        static boolean sentBinary;
        private long returned;
        private long eligible;

        public Tally() {
            setType("rate_tally");
        }

        @Override
        public void setValue(String value) {
            String[] numbers = value.split("/");
            returned = Long.parseLong(numbers[0]);
            eligible = Long.parseLong(numbers[1]);
        }

        @Override
        public String getValue() {
            return returned + "/" + eligible;
        }

        @Override
        public void setByteValue(byte[] bytes, int offset) {
            readBinary = true;
            returned = ByteConverter.int8(bytes, offset);
            eligible = ByteConverter.int8(bytes, offset + 8);
        }

        @Override
        public int lengthInBytes() {
            return 16;
        }

        @Override
        public void toBytes(byte[] bytes, int offset) {
            sentBinary = true;
            ByteConverter.int8(bytes, offset, returned);
            ByteConverter.int8(bytes, offset + 8, eligible);
        }
    }

    static final Pattern PARAMETER = Pattern.compile("\\{(\\w+)\\}");
    static final DateTimeFormatter UTC = DateTimeFormatter.ofPattern("yyyy-MM-dd HH:mm:ss+00");

    static Map<String, Object> text() {
        Map<String, Object> values = new HashMap<>();
        values.put("period", "[2024-04-01,2024-07-01)");
        values.put("local", "[2024-04-01,2024-07-01)");
        values.put("days", "[2024-04-01,2024-07-01)");
        values.put("as_of", "2024-04-01 00:00:00+00");
        values.put("inactive_after", "90 days");
        values.put("churned_after", "180 days");
        values.put("lost_after", "326 days");
        values.put("never", null);
        values.put("step", "30 days");
        values.put("status", "won_back");
        values.put("statuses", "{won_back,new}");
        values.put("event", "cancellation");
        values.put("tally", "1/2");
        values.put("from_date", "2024-04-01");
        values.put("to_date", "2024-06-30");
        values.put("number", 90);
        values.put("text_90", "90");
        values.put("number_90", 90);
        return values;
    }

    static Map<String, Object> own() throws SQLException {
        Map<String, Object> values = text();
        values.put("period", object("tstzrange", "[2024-04-01,2024-07-01)"));
        values.put("local", object("tsrange", "[2024-04-01,2024-07-01)"));
        values.put("days", object("daterange", "[2024-04-01,2024-07-01)"));
        values.put("as_of", OffsetDateTime.of(2024, 4, 1, 0, 0, 0, 0, ZoneOffset.UTC));
        values.put("inactive_after", new PGInterval(0, 0, 90, 0, 0, 0));
        values.put("churned_after", new PGInterval(0, 0, 180, 0, 0, 0));
        values.put("lost_after", new PGInterval(0, 0, 326, 0, 0, 0));
        values.put("from_date", LocalDate.of(2024, 4, 1));
        values.put("to_date", LocalDate.of(2024, 6, 30));
        values.put("step", new PGInterval(0, 0, 30, 0, 0, 0));
        Tally tally = new Tally();
        tally.setValue("1/2");
        values.put("tally", tally);
        values.put("statuses", new String[] {"won_back", "new"});
        values.put("text_90", object("interval", "90"));
        return values;
    }

    static PGobject object(String type, String value) throws SQLException {
        PGobject object = new PGobject();
        object.setType(type);
        object.setValue(value);
        return object;
    }

    static Connection connect(String options) throws SQLException {
        Map<String, String> env = System.getenv();
        return DriverManager.getConnection(
            "jdbc:postgresql://127.0.0.1:" + env.get("PGPORT") + "/" + env.get("PGDATABASE")
                + "?user=" + env.get("PGUSER") + options);
    }

    /** Return the columns of a row as PostgreSQL shows them in UTC. */
    static String show(ResultSet rows) throws SQLException {
        StringJoiner line = new StringJoiner("|");
        for (int n = 1; n <= rows.getMetaData().getColumnCount(); n++) {
            Object value = rows.getObject(n);
            if (value == null) {
                line.add("NULL");
            } else if (value instanceof Boolean) {
                line.add((Boolean) value ? "t" : "f");
            } else if (value instanceof java.sql.Timestamp) {
                line.add(rows.getObject(n, OffsetDateTime.class)
                    .withOffsetSameInstant(ZoneOffset.UTC).format(UTC));
            } else if (value instanceof PGInterval) {
                PGInterval span = (PGInterval) value;
                String clock = String.format("%02d:%02d:%02d",
                    span.getHours(), span.getMinutes(), span.getWholeSeconds());
                line.add(span.getDays() + " days" + (clock.equals("00:00:00") ? "" : " " + clock));
            } else {
                line.add(value.toString());
            }
        }
        return line.toString();
    }

    static void ask(String title, String options, Map<String, Object> values,
            List<String[]> questions) throws SQLException {
        System.out.println("== " + title);
        try (Connection connection = connect(options)) {
            connection.unwrap(PGConnection.class).addDataType("rate_tally", Tally.class);
            for (String[] question : questions) {
                System.out.println("# " + question[0]);
                String sql = PARAMETER.matcher(question[1]).replaceAll("?");
                try (PreparedStatement statement = connection.prepareStatement(sql)) {
                    Matcher names = PARAMETER.matcher(question[1]);
                    for (int n = 1; names.find(); n++) {
                        Object value = values.get(names.group(1));
                        if (value == null) {
                            statement.setNull(n, Types.OTHER);
                        } else {
                            statement.setObject(n, value);
                        }
                    }
                    StringBuilder answer = new StringBuilder();
                    ResultSet rows = statement.executeQuery();
                    for (SQLWarning warning = statement.getWarnings(); warning != null;
                            warning = warning.getNextWarning()) {
                        String message = warning.getMessage().split("\n")[0];
                        answer.append("WARNING: ").append(message.replaceFirst("^WARNING: ", ""))
                            .append("\n");
                    }
                    while (rows.next()) {
                        answer.append(show(rows)).append("\n");
                    }
                    System.out.print(answer);
                } catch (SQLException error) {
                    System.out.println("ERROR " + error.getSQLState());
                }
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        List<String[]> questions = new ArrayList<>();
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            questions.add(line.split("\t"));
        }
        String tally;
        try (Connection connection = connect("");
                ResultSet rows = connection.createStatement()
                    .executeQuery("SELECT 'rate_tally'::regtype::oid")) {
            rows.next();
            tally = rows.getString(1);
        }
        ask("own types", "&prepareThreshold=0&binaryTransfer=false", own(), questions);
        ask("own types in binary", "&prepareThreshold=-1&binaryTransferEnable=" + tally, own(),
            questions);
        if (!Tally.readBinary || !Tally.sentBinary) {
            throw new IllegalStateException("the driver used no binary form of rate_tally");
        }
        ask("text", "&stringtype=unspecified", text(), questions);
    }
}
