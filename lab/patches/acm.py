"""ACM: a certificate keeps the key algorithm that was asked for."""

from __future__ import annotations

from typing import Any


def key_algorithm_kept() -> None:
    """DescribeCertificate answers the KeyAlgorithm of the request; moto 5.2.5 answers RSA_2048 always."""
    from moto.acm.models import CertBundle
    from moto.acm.responses import AWSCertificateManagerResponse as Response

    describe, request = CertBundle.describe, Response.request_certificate

    def described(self: Any) -> dict[str, Any]:
        answer: dict[str, Any] = describe(self)
        answer["Certificate"]["KeyAlgorithm"] = getattr(self, "asked_algorithm", answer["Certificate"]["KeyAlgorithm"])
        return answer

    def requested(self: Any) -> Any:
        answer = request(self)
        certificate = self.acm_backend._certificates[answer.result["CertificateArn"]]
        certificate.asked_algorithm = self._get_param("KeyAlgorithm") or "RSA_2048"
        return answer

    CertBundle.describe = described
    Response.request_certificate = requested


ALL = (key_algorithm_kept,)
