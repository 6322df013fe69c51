/** Every key and what it does. */
import Modal from "@cloudscape-design/components/modal";
import { type UiKey, useWords } from "../language.tsx";

const KEYS: readonly (readonly [keys: readonly string[], does: UiKey])[] = [
  [["⌘K", "Ctrl K"], "keyPalette"],
  [["/"], "keyFilter"],
  [["j", "k"], "keyMove"],
  [["x"], "keySelect"],
  [["o", "Enter"], "keyOpen"],
  [["m"], "keyMenu"],
  [["e"], "keyEscalate"],
  [["r"], "keyRefresh"],
  [["p"], "keyPause"],
  [["g h", "g l", "g s"], "keyGoObserve"],
  [["g i", "g r", "g w"], "keyGoRespond"],
  [["g a", "g u"], "keyGoAccess"],
  [["?"], "keyHelp"],
];

export default function KeyList({ close }: { close(): void }) {
  const { t } = useWords();
  return (
    <Modal visible onDismiss={close} closeAriaLabel={t("close")} header={t("keys")}>
      <dl className="key-list">
        {KEYS.map(([keys, does]) => (
          <div key={does}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{t(does)}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
