import com.sun.management.OperatingSystemMXBean;
import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.lang.management.ManagementFactory;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.server.util.KafkaScheduler;
import org.apache.kafka.storage.internals.log.Cleaner;
import org.apache.kafka.storage.internals.log.CleanerStats;
import org.apache.kafka.storage.internals.log.LogConfig;
import org.apache.kafka.storage.internals.log.LogDirFailureChannel;
import org.apache.kafka.storage.internals.log.LogToClean;
import org.apache.kafka.storage.internals.log.ProducerStateManagerConfig;
import org.apache.kafka.storage.internals.log.SkimpyOffsetMap;
import org.apache.kafka.storage.internals.log.UnifiedLog;
import org.apache.kafka.storage.internals.utils.Throttler;
import org.apache.kafka.storage.log.metrics.BrokerTopicStats;

/**
 * Runs Kafka's own cleaner over log directories of partitions, one thread, no
 * throttle. Their names come on standard input, one a line; for each a line answers:
 * seconds and CPU seconds of the whole process while the cleaner ran, and what it
 * says it read and wrote. All but the active segment is cleaned.
 *
 * Arguments: bytes of the map of keys, bytes of a segment.
 */
public class CleanLog {
    public static void main(String[] args) throws Exception {
        // As the broker's defaults have it for one thread.
        int ioBufferBytes = 512 * 1024 / 2;
        int messageBytesMax = 1024 * 1024 + 12;
        double loadFactor = 0.9;
        Time time = Time.SYSTEM;
        Cleaner cleaner = new Cleaner(0, new SkimpyOffsetMap(Integer.parseInt(args[0])), ioBufferBytes, messageBytesMax, loadFactor,
            new Throttler(Double.MAX_VALUE, 300, "cleaner", "bytes", time), time, partition -> { });
        KafkaScheduler scheduler = new KafkaScheduler(1);
        scheduler.startup();
        OperatingSystemMXBean system = (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        Properties config = new Properties();
        config.put("cleanup.policy", "compact");
        config.put("segment.bytes", args[1]);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
        for (String dir; (dir = in.readLine()) != null; ) {
            UnifiedLog log = UnifiedLog.create(new File(dir), new LogConfig(config), 0, 0, scheduler, new BrokerTopicStats(), time,
                300_000, new ProducerStateManagerConfig(86_400_000, false), 600_000, new LogDirFailureChannel(1), true, Optional.empty());
            log.updateHighWatermark(log.logEndOffset());
            LogToClean what = new LogToClean(log, 0, log.activeSegment().baseOffset(), false);
            System.gc();
            long began = System.nanoTime(), cpu = system.getProcessCpuTime();
            Map.Entry<Long, CleanerStats> done = cleaner.clean(what);
            cpu = system.getProcessCpuTime() - cpu;
            long took = System.nanoTime() - began;
            CleanerStats s = done.getValue();
            log.close(); // before the answer: who has it may remove the directory
            System.out.printf("%.6f %.6f %d %d %d%n", took / 1e9, cpu / 1e9, s.bytesRead(), s.bytesWritten(), s.messagesWritten());
        }
        scheduler.shutdown();
    }
}
