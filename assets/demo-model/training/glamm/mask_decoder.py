"""SAM's prompt encoder and mask decoder: masks of text embeddings, as GLaMM uses them, and of clicks
and boxes, which the application gives it too."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import SamConfig
from .layers import Conv2d, LayerNorm, Linear, attend
from .sam_encoder import ImageEncoder, LayerNorm2d, Mlp


BACKGROUND, FOREGROUND, BOX_START, BOX_END = range(4)
"""What a point says of its place: the order of the stored point embeddings."""


class PositionEncoding(nn.Module):
    """Random Fourier features of places; the matrix is a stored buffer."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, dims // 2))

    def forward(self, side: int) -> Tensor:
        """Of cell centres, [1, dims, side, side]."""
        at = (torch.arange(side, dtype=torch.float32) + 0.5) / side
        ys, xs = torch.meshgrid(at, at, indexing="ij")
        return self.at(torch.stack([xs, ys], -1)).permute(2, 0, 1)[None]

    def at(self, places: Tensor) -> Tensor:
        """Of places [..., 2], x before y, 0 to 1 over the frame: [..., dims]."""
        angle = 2 * math.pi * ((places * 2 - 1) @ self.positional_encoding_gaussian_matrix.float())
        return torch.cat([angle.sin(), angle.cos()], -1)


class PromptEncoder(nn.Module):
    """Clicks and boxes to tokens. Masks as prompts are stored, as in SAM, but take no part."""

    def __init__(self, c: SamConfig) -> None:
        super().__init__()
        dims, chans = c.prompt_embed_dim, c.mask_in_chans
        self.frame = c.image_size
        self.pe_layer = PositionEncoding(dims)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, dims) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, dims)
        self.mask_downscaling = nn.Sequential(
            Conv2d(1, chans // 4, 2, 2),
            LayerNorm2d(chans // 4),
            nn.GELU(),
            Conv2d(chans // 4, chans, 2, 2),
            LayerNorm2d(chans),
            nn.GELU(),
            Conv2d(chans, dims, 1),
        )
        self.no_mask_embed = nn.Embedding(1, dims)

    def embed_points(self, places: Tensor, kinds: Tensor) -> Tensor:
        """Tokens of points [M, K, 2] in pixels of the frame, K of a kind [M, K] in each of M prompts.

        A box is its two corners, in all prompts or in none. Without one, a token that stands for no
        point follows: [M, K or K + 1, dims].
        """
        table = torch.cat([e.weight for e in self.point_embeddings])
        tokens = self.pe_layer.at((places + 0.5) / self.frame) + table[kinds]
        if (kinds >= BOX_START).any():
            return tokens
        return torch.cat([tokens, self.not_a_point_embed.weight.expand(len(tokens), 1, -1)], 1)


class Attention(nn.Module):
    """Attention with an inner width."""

    def __init__(self, dims: int, heads: int, rate: int = 1) -> None:
        super().__init__()
        self.heads, inner = heads, dims // rate
        self.q_proj = Linear(dims, inner)
        self.k_proj = Linear(dims, inner)
        self.v_proj = Linear(dims, inner)
        self.out_proj = Linear(inner, dims)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = (
            p(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for p, x in ((self.q_proj, q), (self.k_proj, k), (self.v_proj, v))
        )
        return self.out_proj(attend(q, k, v).transpose(1, 2).flatten(2))


class TwoWayBlock(nn.Module):
    """Tokens attend to themselves, to the image, and the image to the tokens."""

    def __init__(self, c: SamConfig, first: bool) -> None:
        super().__init__()
        dims, heads = c.prompt_embed_dim, c.decoder_num_heads
        self.first = first
        self.self_attn = Attention(dims, heads)
        self.norm1 = LayerNorm(dims)
        self.cross_attn_token_to_image = Attention(dims, heads, 2)
        self.norm2 = LayerNorm(dims)
        self.mlp = Mlp(dims, c.decoder_mlp_dim)
        self.norm3 = LayerNorm(dims)
        self.norm4 = LayerNorm(dims)
        self.cross_attn_image_to_token = Attention(dims, heads, 2)

    def forward(self, tokens: Tensor, image: Tensor, token_pe: Tensor, image_pe: Tensor) -> tuple[Tensor, Tensor]:
        if self.first:
            # No residual and no position here: the output replaces the tokens.
            tokens = self.self_attn(tokens, tokens, tokens)
        else:
            q = tokens + token_pe
            tokens = tokens + self.self_attn(q, q, tokens)
        tokens = self.norm1(tokens)
        image_k = image + image_pe
        tokens = self.norm2(tokens + self.cross_attn_token_to_image(tokens + token_pe, image_k, image))
        tokens = self.norm3(tokens + self.mlp.lin2(F.relu(self.mlp.lin1(tokens))))
        image = self.norm4(image + self.cross_attn_image_to_token(image_k, tokens + token_pe, tokens))
        return tokens, image


class TwoWayTransformer(nn.Module):
    """The blocks and a last look at the image."""

    def __init__(self, c: SamConfig) -> None:
        super().__init__()
        dims = c.prompt_embed_dim
        self.layers = nn.ModuleList(TwoWayBlock(c, i == 0) for i in range(c.decoder_depth))
        self.final_attn_token_to_image = Attention(dims, c.decoder_num_heads, 2)
        self.norm_final_attn = LayerNorm(dims)

    def forward(self, image: Tensor, image_pe: Tensor, token_pe: Tensor) -> tuple[Tensor, Tensor]:
        tokens = token_pe
        for layer in self.layers:
            tokens, image = layer(tokens, image, token_pe, image_pe)
        y = self.final_attn_token_to_image(tokens + token_pe, image + image_pe, image)
        return self.norm_final_attn(tokens + y), image


class MlpHead(nn.Module):
    """Layers with ReLU between."""

    def __init__(self, dims: int, hidden: int, out: int, depth: int) -> None:
        super().__init__()
        sizes = [dims] + [hidden] * (depth - 1) + [out]
        self.layers = nn.ModuleList(Linear(a, b) for a, b in zip(sizes, sizes[1:]))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            x = F.relu(layer(x))
        return self.layers[-1](x)


class MaskDecoder(nn.Module):
    """Image embedding and prompt to low-resolution mask logits."""

    def __init__(self, c: SamConfig) -> None:
        super().__init__()
        dims, masks = c.prompt_embed_dim, c.num_multimask_outputs + 1
        self.transformer = TwoWayTransformer(c)
        self.iou_token = nn.Embedding(1, dims)
        self.mask_tokens = nn.Embedding(masks, dims)
        self.output_upscaling = nn.Sequential(
            nn.ConvTranspose2d(dims, dims // 4, 2, 2),
            LayerNorm2d(dims // 4),
            nn.GELU(),
            nn.ConvTranspose2d(dims // 4, dims // 8, 2, 2),
            nn.GELU(),
        )
        self.output_hypernetworks_mlps = nn.ModuleList(
            MlpHead(dims, dims, dims // 8, 3) for _ in range(masks)
        )
        self.iou_prediction_head = MlpHead(dims, c.iou_head_hidden_dim, masks, c.iou_head_depth)

    def forward(self, image: Tensor, pe: Tensor, sparse: Tensor, masks: int) -> tuple[Tensor, Tensor]:
        """`image` [M, C, h, w] with the dense prompt added, `sparse` [M, T, C].

        Gives the logits of the first `masks` mask tokens [M, masks, 4h, 4w] and all IoU
        predictions [M, tokens].
        """
        m, c, h, w = image.shape
        own = torch.cat([self.iou_token.weight, self.mask_tokens.weight]).to(sparse.dtype)
        tokens = torch.cat([own.expand(m, -1, -1), sparse], 1)
        flat = image.flatten(2).transpose(1, 2)
        hidden, flat = self.transformer(flat, pe.flatten(2).transpose(1, 2), tokens)
        up = self._upscale(flat.unflatten(1, (h, w)))
        hyper = torch.stack(
            [mlp(hidden[:, 1 + i]) for i, mlp in enumerate(self.output_hypernetworks_mlps[:masks])], 1
        )
        logits = (up @ hyper.transpose(1, 2)).transpose(1, 2).unflatten(2, (4 * h, 4 * w))
        return logits, self.iou_prediction_head(hidden[:, 0])

    def _upscale(self, x: Tensor) -> Tensor:
        """[M, h, w, C] to [M, 4h*4w, C/8]: transposed 2x2 convolutions as matrix products."""
        first, norm, _, second, _ = self.output_upscaling
        x = _enlarge(x, first)
        x = F.layer_norm(x, norm.weight.shape, norm.weight.to(x.dtype), norm.bias.to(x.dtype), norm.eps)
        return F.gelu(_enlarge(F.gelu(x), second)).flatten(1, 2)


def _enlarge(x: Tensor, conv: nn.ConvTranspose2d) -> Tensor:
    """A 2x2 transposed convolution of stride 2 on channels-last cells."""
    m, h, w, c = x.shape
    out = conv.weight.shape[1]
    y = x @ conv.weight.permute(0, 2, 3, 1).reshape(c, 4 * out).to(x.dtype)
    y = y.view(m, h, w, 2, 2, out).transpose(2, 3).reshape(m, 2 * h, 2 * w, out)
    return y + conv.bias.to(x.dtype)


class GroundingEncoder(nn.Module):
    """SAM, with the names of the checkpoint."""

    def __init__(self, c: SamConfig) -> None:
        super().__init__()
        self.side = c.grid
        self.image_encoder = ImageEncoder(c)
        self.prompt_encoder = PromptEncoder(c)
        self.mask_decoder = MaskDecoder(c)

    def decode(self, image: Tensor, sparse: Tensor, masks: int = 1) -> tuple[Tensor, Tensor]:
        """Masks of prompts `sparse` [M, T, C], each on its own image embedding [M, C, h, w]."""
        dense = self.prompt_encoder.no_mask_embed.weight[:, :, None, None].to(image.dtype)
        pe = self.prompt_encoder.pe_layer(self.side).to(image.dtype)
        return self.mask_decoder(image + dense, pe, sparse, masks)
