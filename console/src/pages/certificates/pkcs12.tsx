/** A certificate from a PKCS #12 file, chosen on this machine. */
import Container from "@cloudscape-design/components/container";
import Header from "@cloudscape-design/components/header";
import { useQueryClient } from "@tanstack/react-query";
import { catalog } from "../../../../src/catalog.ts";
import { useWords } from "../../language.tsx";
import { navigate } from "../../location.ts";
import { OperationForm } from "../../resource/operation-form.tsx";

const { uploadPkcs12 } = catalog.certificates.operations;

export default function CertificateFile() {
  const { t, operationTitle } = useWords();
  const client = useQueryClient();
  const done = async (certificateId: unknown): Promise<void> => {
    await client.invalidateQueries();
    navigate(`/certificates/${String(certificateId)}`);
  };
  return (
    <Container
      header={
        <Header variant="h1" description={t("pkcs12Help")}>
          {operationTitle(uploadPkcs12)}
        </Header>
      }
    >
      <OperationForm
        operation={uploadPkcs12}
        initial={{}}
        submitText={t("create")}
        cancel={() => navigate("/certificates")}
        done={(result) => void done(result.certificateId)}
      />
    </Container>
  );
}
