import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Writes a few small topics: every codec, transactions, and one that is compacted. */
public class Write {
    static String broker;

    public static void main(String[] args) throws Exception {
        broker = args[0];
        Properties p = new Properties();
        p.put("bootstrap.servers", broker);
        try (Admin admin = Admin.create(p)) {
            List<NewTopic> topics = new ArrayList<>();
            topics.add(new NewTopic("codecs", 1, (short) 1).configs(Map.of("index.interval.bytes", "300")));
            topics.add(new NewTopic("transactions", 1, (short) 1).configs(Map.of("index.interval.bytes", "300")));
            topics.add(new NewTopic("compacted", 1, (short) 1).configs(Map.of(
                "cleanup.policy", "compact", "min.cleanable.dirty.ratio", "0", "segment.ms", "200",
                "delete.retention.ms", "60000", "index.interval.bytes", "100")));
            admin.createTopics(topics).all().get();
        }
        codecs();
        compacted();
        transactions();
    }

    static KafkaProducer<byte[], byte[]> producer(String codec, String transactional) {
        Properties p = new Properties();
        p.put("bootstrap.servers", broker);
        p.put("compression.type", codec);
        p.put("enable.idempotence", transactional != null || codec.equals("lz4"));
        p.put("acks", "all");
        p.put("linger.ms", "50");
        if (transactional != null) p.put("transactional.id", transactional);
        return new KafkaProducer<>(p, new ByteArraySerializer(), new ByteArraySerializer());
    }

    static byte[] bytes(String s) {
        return s == null ? null : s.getBytes(StandardCharsets.UTF_8);
    }

    static ProducerRecord<byte[], byte[]> record(String topic, String key, String value, boolean header) {
        List<Header> headers = header
            ? List.of(new RecordHeader("name", bytes("value")), new RecordHeader("null", null)) : Collections.emptyList();
        return new ProducerRecord<>(topic, 0, bytes(key), bytes(value), headers);
    }

    static void codecs() throws Exception {
        for (String codec : List.of("none", "gzip", "snappy", "lz4", "zstd")) {
            try (KafkaProducer<byte[], byte[]> p = producer(codec, null)) {
                for (int round = 0; round < 2; round++) {
                    for (int i = 0; i < 4; i++) {
                        p.send(record("codecs", i == 2 ? null : "key" + i, i == 3 ? null : codec + " value value value " + i, i == 1));
                    }
                    p.flush();
                }
            }
        }
    }

    static void transactions() throws Exception {
        try (KafkaProducer<byte[], byte[]> a = producer("none", "a"); KafkaProducer<byte[], byte[]> b = producer("snappy", "b")) {
            a.initTransactions();
            b.initTransactions();
            for (int round = 0; round < 4; round++) {
                a.beginTransaction();
                b.beginTransaction();
                for (int i = 0; i < 3; i++) {
                    a.send(record("transactions", "a" + i, "round " + round, false));
                    b.send(record("transactions", "b" + i, "round " + round, i == 0));
                }
                a.flush();
                if (round % 2 == 0) a.commitTransaction(); else a.abortTransaction();
                if (round % 3 == 0) b.abortTransaction(); else b.commitTransaction();
            }
            b.beginTransaction();
            b.send(record("transactions", "open", "at the end", false)).get();
            Runtime.getRuntime().halt(0); // left open: the coordinator is told nothing
        }
    }

    static void compacted() throws Exception {
        try (KafkaProducer<byte[], byte[]> p = producer("none", null); KafkaProducer<byte[], byte[]> z = producer("zstd", null)) {
            for (int round = 0; round < 8; round++) {
                for (int i = 0; i < 5; i++) {
                    p.send(record("compacted", "k" + (i * round) % 7, round == 5 && i < 3 ? null : "round " + round, false));
                    z.send(record("compacted", "z" + i % 3, "round " + round, false));
                }
                p.flush();
                z.flush();
                Thread.sleep(400); // segment.ms: the next round goes to another segment
            }
            Thread.sleep(6000); // for the cleaner
        }
    }
}
